import { cpSync, linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type BrowserContext, type Page } from '@playwright/test';
import { DIST } from '../../scripts/build.mjs';
import { serve } from '../../scripts/serve.mjs';

/** A host of its own for each test: what its service worker keeps must not meet another's. */
let folder: string;
let host: Awaited<ReturnType<typeof serve>>;
const plainHost = async () => {
  folder = mkdtempSync(join(tmpdir(), 'kinora-host-'));
  linkTree(DIST, folder);
  host = await serve(folder, { base: '/some/where', headers: null });
};
test.afterEach(async () => {
  await host.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The built page with its 100 MB, without copying them. */
function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (statSync(join(from, name)).isDirectory()) linkTree(join(from, name), join(to, name));
    else
      try {
        linkSync(join(from, name), join(to, name));
      } catch {
        cpSync(join(from, name), join(to, name)); // another file system
      }
  }
}

/** Replaces a file of the host without touching the build that it is linked to. */
function edit(name: string, change: (text: string) => string): void {
  const path = join(folder, name);
  const text = change(readFileSync(path, 'utf8'));
  rmSync(path);
  writeFileSync(path, text);
}

async function openIsolated(context: BrowserContext): Promise<{ page: Page; asked: string[] }> {
  const page = await context.newPage();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(host.url);
  await expect.poll(() => isIsolated(page), { timeout: 15_000 }).toBe(true);
  return { page, asked };
}

/** False while the page is being reloaded. */
const isIsolated = (page: Page): Promise<boolean> => page.evaluate(() => crossOriginIsolated).catch(() => false);
const keptAddresses = (page: Page): Promise<string[]> =>
  page.evaluate(async () => {
    const addresses: string[] = [];
    for (const name of await caches.keys()) for (const request of await (await caches.open(name)).keys()) addresses.push(request.url);
    return addresses;
  });
const cacheNames = (page: Page): Promise<string[]> => page.evaluate(() => caches.keys());

test('on a host without headers, under a path: one reload, before any download, makes the page isolated', async ({ context }) => {
  await plainHost();
  const { page, asked } = await openIsolated(context);
  expect(asked.filter((path) => path === '/some/where/')).toHaveLength(2);
  const secondLoad = asked.lastIndexOf('/some/where/');
  expect(asked.slice(0, secondLoad).filter((path) => /\.(wasm|gguf)$/.test(path))).toEqual([]);
  expect(await page.evaluate(() => typeof SharedArrayBuffer)).toBe('function');
});

test('the shell is there offline, weights and the runtimes of other browsers are not kept', async ({ context }) => {
  await plainHost();
  const { page } = await openIsolated(context);
  const kept = await keptAddresses(page);
  expect(
    kept.filter((url) => /LibraryScreen|media-worker/.test(url)),
    'a first visit fetches what it starts with',
  ).toEqual([]);
  expect(kept.some((url) => url.endsWith('/index.html'))).toBe(true);
  expect(kept.filter((url) => /models\/|\.wasm$|headless/.test(url))).toEqual([]);
  // The other screens and the formats of export follow when the page is idle.
  await expect
    .poll(() => keptAddresses(page), { timeout: 20_000 })
    .toEqual(expect.arrayContaining([expect.stringContaining('LibraryScreen'), expect.stringContaining('media-worker')]));

  await host.close();
  await page.reload();
  await expect(page).toHaveTitle(/Kinora/);
  expect(await isIsolated(page)).toBe(true);
  await expect(page.getByRole('textbox').first()).toBeVisible();
  await page.goto(`${page.url()}#/library`);
  await expect(page.getByRole('heading', { name: 'Library' })).toBeVisible();
});

test('a new version takes over at the next reload of the only tab, whole, and the old one goes', async ({ context }) => {
  await plainHost();
  const { page } = await openIsolated(context);
  const [before] = (await cacheNames(page)).filter((name) => name.includes('shell'));

  edit('index.html', (html) => html.replace('<head>', '<head><meta name="edition" content="next" />'));
  edit('service-worker.js', (code) => code.replace(/version:"[0-9a-f]{16}"|"version":"[0-9a-f]{16}"/, '"version":"00000000000000ff"'));
  expect(readFileSync(join(folder, 'service-worker.js'), 'utf8')).toContain('00000000000000ff');

  await page.reload();
  await expect(page.locator('meta[name=edition]')).toHaveCount(0); // still the old one, of one piece
  await expect
    .poll(() => page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.waiting?.state ?? null))
    .toBe('installed');
  await page.reload();
  await expect(page.locator('meta[name=edition]')).toHaveCount(1);
  await expect
    .poll(async () => (await cacheNames(page)).filter((name) => name.includes('shell')))
    .toEqual([expect.stringContaining('00000000000000ff')]);
  expect(before).not.toContain('00000000000000ff');
});

test('a version that is missing a file never takes over', async ({ context }) => {
  await plainHost();
  const { page } = await openIsolated(context);
  edit('service-worker.js', (code) =>
    code.replace(/"version":"[0-9a-f]{16}"/, '"version":"00000000000000ff"').replace('"index.html"', '"index.html","gone.js"'),
  );
  await page.reload();
  await page.waitForTimeout(1_500);
  await page.reload();
  expect((await cacheNames(page)).filter((name) => name.includes('shell') && !name.includes('00000000000000ff'))).toHaveLength(1);
  await expect(page).toHaveTitle(/Kinora/);
});
