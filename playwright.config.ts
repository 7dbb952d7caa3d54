import { defineConfig } from '@playwright/test';
import { BROWSER_ARGS, findBrowser } from './scripts/find-browser.mjs';

const port = Number(process.env.KINORA_E2E_PORT ?? 4178);

/** The built page, driven in a real browser. One worker: a clip wants every core there is. */
export default defineConfig({
  testDir: 'test/e2e',
  outputDir: 'test-results/e2e', // emptied when it starts: other suites keep theirs beside it
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  forbidOnly: Boolean(process.env.CI),
  // Shared build machines stall; a defect fails twice.
  retries: process.env.CI ? 1 : 0,
  reporter: [['list']],
  use: {
    baseURL: `http://localhost:${port}/`,
    launchOptions: { executablePath: findBrowser() ?? undefined, args: BROWSER_ARGS },
    trace: 'off',
  },
  webServer: {
    command: `node scripts/start.mjs --no-open --port ${port}`,
    url: `http://localhost:${port}/`,
    timeout: 180_000,
    reuseExistingServer: Boolean(process.env.KINORA_E2E_PORT),
  },
});
