/** Runs Kinora's TypeScript modules in Node through Vite, as the tests do, so that a benchmark times the very code that ships. */
import { createServer } from 'vite';

/** Calls `use` with a function that loads a module by its path from the repository's root. */
export async function withModules(use) {
  const server = await createServer({
    server: { middlewareMode: true, hmr: false, ws: false },
    appType: 'custom',
    logLevel: 'error',
    optimizeDeps: { noDiscovery: true },
  });
  try {
    return await use((path) => server.ssrLoadModule(path));
  } finally {
    await server.close();
  }
}
