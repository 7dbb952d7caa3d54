import { KinoraError } from '../errors';

/** The two WebCodecs constructors that encoding needs; a test gives its own. */
export interface CodecsApi {
  readonly VideoEncoder: typeof VideoEncoder;
  readonly VideoFrame: typeof VideoFrame;
}

/** This browser's WebCodecs, in a page or a worker. Throws `no-encoder` where there is none (or the page is not secure, which hides it). */
export function browserCodecs(): CodecsApi {
  if (typeof globalThis.VideoEncoder !== 'function' || typeof globalThis.VideoFrame !== 'function')
    throw new KinoraError(
      'no-encoder',
      "This browser can't encode video.",
      globalThis.isSecureContext === false
        ? 'Open Kinora over https or on localhost: browsers offer video encoding to secure pages only.'
        : 'Use a current Chrome, Edge, Firefox or Safari on a computer.',
    );
  return { VideoEncoder: globalThis.VideoEncoder, VideoFrame: globalThis.VideoFrame };
}
