import { test as base, expect, type BrowserContext, type Page } from '@playwright/test';

/** One browser profile for a whole worker: the model is fetched once, as a visitor's is. */
interface WorkerFixtures {
  readonly profile: BrowserContext;
}

interface TestFixtures {
  /** A tab of the shared profile. */
  readonly tab: Page;
  /** A tab of a profile that was never here before. */
  readonly firstVisit: Page;
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

/** A page of a context of its own, watched, and closed with it. */
async function usePage(context: BrowserContext, use: (page: Page) => Promise<void>): Promise<void> {
  const strays = watchRequests(context, ORIGIN);
  const page = await context.newPage();
  const errors = watchErrors(page);
  await use(page);
  await context.close();
  expect(strays, STRAYS).toEqual([]);
  expect(errors, 'uncaught errors').toEqual([]);
}

const ORIGIN = `http://localhost:${process.env.KINORA_E2E_PORT ?? 4178}`;

const PROFILE = { baseURL: `${ORIGIN}/`, viewport: { width: 1280, height: 800 } };
const STRAYS = 'requests to anywhere but the page’s own origin';

export const test = base.extend<TestFixtures, WorkerFixtures>({
  profile: [
    async ({ browser }, use) => {
      const context = await browser.newContext({ ...PROFILE, acceptDownloads: true });
      const strays = watchRequests(context, ORIGIN);
      await use(context);
      await context.close();
      expect(strays, STRAYS).toEqual([]);
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
  firstVisit: async ({ browser }, use) => usePage(await browser.newContext({ ...PROFILE, acceptDownloads: true }), use),
  lone: async ({ browser }, use) => usePage(await browser.newContext({ ...PROFILE, serviceWorkers: 'block' }), use),
});

export { expect };
