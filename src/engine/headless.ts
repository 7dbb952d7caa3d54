/** The entry of headless.html: the engine and nothing else, for scripts that drive a browser (`npm run generate`). */
import { createKinora } from './create-kinora';

declare global {
  interface Window {
    createKinora: typeof createKinora;
  }
}

window.createKinora = createKinora;
