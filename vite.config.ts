import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { findBrowser, BROWSER_ARGS } from './scripts/find-browser.mjs';
import { SECURITY_HEADERS } from './scripts/headers.mjs';
import { fixtureServer } from './test/conformance/fixture-server.ts';
import { SERVICE_WORKER, serviceWorkerPlugin } from './scripts/vite-service-worker.mjs';

const isolation = {
  'Cross-Origin-Opener-Policy': SECURITY_HEADERS['Cross-Origin-Opener-Policy'],
  'Cross-Origin-Embedder-Policy': SECURITY_HEADERS['Cross-Origin-Embedder-Policy'],
  'Cross-Origin-Resource-Policy': SECURITY_HEADERS['Cross-Origin-Resource-Policy'],
};
const root = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig({
  base: './',
  plugins: [svelte(), serviceWorkerPlugin()],
  server: { headers: isolation, fs: { strict: false } },
  preview: { headers: SECURITY_HEADERS },
  worker: { format: 'es' },
  // onnxruntime-web's wasm is served as a file of its own (see backends/ort/runtime.ts), never inlined in a bundle.
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'] },
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      input: { index: 'index.html', headless: 'headless.html', 'service-worker': 'src/service-worker.ts' },
      // The service worker's scope is its folder, so it keeps its name beside the page.
      output: { entryFileNames: ({ name }) => (`${name}.js` === SERVICE_WORKER ? SERVICE_WORKER : 'assets/[name]-[hash].js') },
    },
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          environment: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/fixtures/**', 'test/conformance/**', 'test/e2e/**', 'test/**/*.browser.test.ts', 'test/**/*.dawn.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'fixtures',
          environment: 'node',
          include: ['test/conformance/**/*.test.ts'],
          exclude: ['test/conformance/**/*.browser.test.ts', 'test/conformance/**/*.dawn.test.ts'],
          testTimeout: 300_000,
          env: { KINORA_FIXTURES: process.env.KINORA_FIXTURES ?? `${root}test/fixtures` },
        },
      },
      {
        // WebGPU in Node, on software drivers; one file a process, since the driver is chosen once a process (test/dawn/).
        extends: true,
        test: {
          name: 'dawn',
          environment: 'node',
          include: ['test/**/*.dawn.test.ts'],
          pool: 'forks',
          // LLVM and Subzero take seconds to compile a kernel.
          testTimeout: 300_000,
          hookTimeout: 60_000,
          env: { KINORA_FIXTURES: process.env.KINORA_FIXTURES ?? `${root}test/fixtures` },
        },
      },
      {
        extends: true,
        plugins: [fixtureServer()],
        test: {
          name: 'browser',
          include: ['test/**/*.browser.test.ts'],
          testTimeout: 120_000,
          fileParallelism: false,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: findBrowser() ?? undefined, args: BROWSER_ARGS } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
