/** The backends against each other in a browser: our WGSL, onnxruntime-web on WebGPU and on wasm, on whatever adapter the browser has. */
import { chromium } from 'playwright';
import { createServer } from 'vite';
import { BROWSER_ARGS } from '../../find-browser.mjs';
import { ensureBrowser } from '../../get-browser.mjs';

const PAGE = '<!doctype html><script type="module" src="/scripts/bench/backends/entry.ts"></script>';

/** Opens an isolated page from a development server, which serves the very modules that ship. */
export async function measureBackends({ repeats }) {
  const server = await createServer({ logLevel: 'error', server: { port: 0, hmr: false }, plugins: [pagePlugin()] });
  await server.listen();
  const browser = await chromium.launch({ executablePath: await ensureBrowser(), args: BROWSER_ARGS });
  try {
    const page = await browser.newPage();
    page.on('console', (message) => console.error(message.text()));
    await page.goto(`${server.resolvedUrls.local[0]}bench-backends`);
    await page.waitForFunction(() => 'measureBackends' in globalThis);
    return await page.evaluate((options) => globalThis.measureBackends(options), { repeats });
  } finally {
    await browser.close();
    await server.close();
  }
}

function pagePlugin() {
  return {
    name: 'bench-backends',
    configureServer(server) {
      server.middlewares.use('/bench-backends', (request, response) => {
        response.setHeader('Content-Type', 'text/html');
        for (const [name, value] of Object.entries(server.config.server.headers)) response.setHeader(name, value);
        response.end(PAGE);
      });
    },
  };
}
