import { test as base, expect, type BrowserContext, type Page } from '@playwright/test';

/** One browser profile for a whole worker: the model is fetched once, as a visitor's is. */
interface WorkerFixtures {
  readonly profile: BrowserContext;
}

interface TestFixtures {
  /** A tab of the shared profile. */
  readonly tab: Page;
  /** A tab of a profile of its own, without a service worker, so that a test can stand between page and network. */
  readonly lone: Page;
}

/** Notes every request that leaves the page's own origin; the policy in the headers must make that impossible. */
function watchRequests(context: BrowserContext, origin: string): string[] {
  const strays: string[] = [];
  context.on('request', (request) => {
    const { protocol, origin: target } = new URL(request.url());
    if (protocol !== 'blob:' && protocol !== 'data:' && target !== origin) strays.push(request.url());
  });
  return strays;
}

function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  return errors;
}

const ORIGIN = `http://localhost:${process.env.KINORA_E2E_PORT ?? 4178}`;

export const test = base.extend<TestFixtures, WorkerFixtures>({
  profile: [
    async ({ browser }, use) => {
      const context = await browser.newContext({ baseURL: `${ORIGIN}/`, viewport: { width: 1280, height: 800 }, acceptDownloads: true });
      const strays = watchRequests(context, ORIGIN);
      await use(context);
      await context.close();
      expect(strays, 'requests to anywhere but the page’s own origin').toEqual([]);
    },
    { scope: 'worker' },
  ],
  tab: async ({ profile }, use) => {
    const page = await profile.newPage();
    const errors = watchErrors(page);
    await use(page);
    await page.close();
    expect(errors, 'uncaught errors').toEqual([]);
  },
  lone: async ({ browser }, use) => {
    const context = await browser.newContext({ baseURL: `${ORIGIN}/`, serviceWorkers: 'block', viewport: { width: 1280, height: 800 } });
    const strays = watchRequests(context, ORIGIN);
    const page = await context.newPage();
    const errors = watchErrors(page);
    await use(page);
    await context.close();
    expect(strays, 'requests to anywhere but the page’s own origin').toEqual([]);
    expect(errors, 'uncaught errors').toEqual([]);
  },
});

export { expect };
