import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { seedClips } from './made-up-clips';
import { compose, makeClip, openStudio, TINY } from './studio-page';

/** Notes what the page asks of the screen: no browser without one gives a wake lock. */
async function withScreen(page: Page): Promise<() => Promise<string[]>> {
  await page.addInitScript(() => {
    const log: string[] = [];
    Object.assign(globalThis, { screenLog: log });
    Object.defineProperty(navigator, 'wakeLock', {
      value: { request: async (kind: string) => (log.push(`${kind} kept on`), { release: async () => void log.push('released') }) },
    });
  });
  return () => page.evaluate(() => (globalThis as unknown as { screenLog: string[] }).screenLog);
}

test('what is chosen is what is made: look and camera, precision and threads; the screen stays on meanwhile', async ({ lone: page }) => {
  const screenLog = await withScreen(page);
  await openStudio(page);
  await compose(page, 'a dog on the beach', { ...TINY, seed: 3 });
  const prompt = page.getByLabel('Prompt', { exact: true });
  const look = page.getByLabel('Look', { exact: true });
  const phrase = await look.locator('option').nth(1).textContent();
  await look.selectOption({ index: 1 });
  await page.getByLabel('Camera', { exact: true }).selectOption({ index: 1 });
  await expect(prompt).toHaveValue(new RegExp(`^a dog on the beach.*${phrase}`));
  await look.selectOption({ index: 0 });
  await expect(prompt).not.toHaveValue(new RegExp(phrase!));

  await page.goto('/#/settings');
  await page.getByLabel('Precision').selectOption('fast');
  await page.getByLabel('Threads').selectOption('1');
  await page.goto('/#/');
  await makeClip(page);
  await expect(page.locator('.clip')).toContainText(/processor, 1 thread · .* · fast/);
  expect(await screenLog()).toEqual(['screen kept on', 'released']);

  // The clip goes round and round.
  await expect
    .poll(() =>
      page.locator('video').evaluate(
        (video: HTMLVideoElement) =>
          new Promise<boolean>((resolve) => {
            let before = video.currentTime;
            const look = () => {
              if (video.currentTime < before) return resolve(true);
              before = video.currentTime;
              requestAnimationFrame(look);
            };
            setTimeout(() => resolve(false), 3000);
            look();
          }),
      ),
    )
    .toBe(true);
});

test('the library in every order, and what it takes of the disk', async ({ lone: page }) => {
  await openStudio(page);
  await seedClips(page, 12);
  await page.goto('/#/library');
  const cards = page.locator('.grid li');
  await expect(cards).toHaveCount(12);
  const names = () => cards.evaluateAll((items) => items.map((item) => item.querySelector('.name')?.textContent?.trim() ?? ''));
  const newest = await names();
  expect(newest.every((name) => name !== '')).toBe(true);
  await page.getByLabel('Order').selectOption('oldest');
  await expect.poll(names).toEqual([...newest].reverse());
  await page.getByLabel('Order').selectOption('name');
  await expect.poll(names).toEqual([...newest].sort((a, b) => a.localeCompare(b, undefined, { numeric: true })));
  await expect(page.getByText(/[\d.]+ [kM]B in clips/)).toBeVisible();
});

test('it can be installed: a manifest with pictures of the sizes it names', async ({ lone: page }) => {
  await page.goto('/');
  const href = await page.locator('link[rel=manifest]').getAttribute('href');
  const url = new URL(href!, page.url());
  const manifest = (await (await page.request.get(url.href)).json()) as {
    name: string;
    display: string;
    start_url: string;
    icons: { src: string; sizes: string; type: string; purpose?: string }[];
  };
  expect(manifest).toMatchObject({ name: 'Kinora', display: 'standalone' });
  expect(new URL(manifest.start_url, url).href).toBe(new URL('/', page.url()).href);
  const pictures = manifest.icons.filter(({ type }) => type === 'image/png');
  for (const { src, sizes } of pictures) {
    const size = await page.evaluate(async (src) => {
      const { width, height } = await createImageBitmap(await (await fetch(src)).blob());
      return `${width}x${height}`;
    }, new URL(src, url).href);
    expect(size, src).toBe(sizes);
  }
  // What Chromium asks for before it offers to install.
  expect(pictures.map(({ sizes }) => sizes)).toEqual(expect.arrayContaining(['192x192', '512x512']));
  expect(manifest.icons.some(({ purpose }) => purpose === 'maskable')).toBe(true);
});
