import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { button, compose, inspectVideo, downloadClip, makeClip, openStudio, TINY } from './studio-page';

/** Runs code in the engine's worker before it serves its first call. */
async function alterWorker(page: Page, code: string): Promise<void> {
  await page.context().route(/\/assets\/worker-[^/]+\.js$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${await response.text()}\n;${code}` });
  });
}

const weights = (page: Page, handler: Parameters<ReturnType<Page['context']>['route']>[1]) =>
  page.context().route('**/models/storybook/transformer*', handler);

test('an empty prompt and values out of range are said beside their fields', async ({ lone }) => {
  await openStudio(lone);
  await button(lone, 'Generate').click();
  await expect(lone.getByRole('alert').filter({ hasText: 'There is no prompt yet' })).toBeVisible();
  await expect(lone.getByLabel('Prompt', { exact: true })).toBeFocused();
  await lone.getByLabel('Prompt', { exact: true }).fill('a dog');
  await expect(lone.getByText('There is no prompt yet')).toBeHidden();

  await button(lone, 'More').click();
  await lone.getByLabel('Steps').fill('0');
  await lone.getByLabel('Guidance').fill('99');
  await expect(lone.getByText(/Steps is a whole number from 1 to \d+/)).toBeVisible();
  await expect(lone.getByText(/Guidance goes from 1 to \d+/)).toBeVisible();
  await button(lone, 'Less').click();
  await button(lone, 'Generate').click();
  await expect(lone.getByLabel('Steps')).toBeFocused();
  await expect(lone.locator('.progress')).toBeHidden();
  await button(lone, 'Back to the defaults').click();
  await expect(lone.getByText(/Steps is a whole number/)).toBeHidden();
});

test('without an H.264 encoder the next codec is taken, and said', async ({ lone }) => {
  await alterWorker(
    lone,
    `const configure = VideoEncoder.prototype.configure;
     VideoEncoder.prototype.configure = function (config) {
       if (config.codec.startsWith('avc1')) throw new DOMException('no H.264 here', 'NotSupportedError');
       return configure.call(this, config);
     };`,
  );
  await openStudio(lone);
  await compose(lone, 'a dog on the beach', TINY);
  await makeClip(lone);
  const video = await inspectVideo(await downloadClip(lone, 1));
  expect(['vp9', 'av1']).toContain(video.codec);
  expect(video.frames).toBe(5);
  await expect(lone.locator('.clip .note')).toHaveText(/H\.264/);
});

test('without any encoder the page says so before anything is made', async ({ lone }) => {
  await alterWorker(lone, 'delete globalThis.VideoEncoder;');
  await openStudio(lone);
  await expect(lone.getByText(/This browser can’t encode video/)).toBeVisible();
});

test('a full disk is said before anything is downloaded', async ({ lone }) => {
  await alterWorker(lone, 'navigator.storage.estimate = async () => ({ usage: 1e9, quota: 1e9 + 1e6 });');
  let fetched = 0;
  await weights(lone, (route) => {
    fetched += 1;
    return route.continue();
  });
  await openStudio(lone);
  await compose(lone, 'a dog', TINY);
  await button(lone, 'Generate').click();
  await expect(lone.locator('.problem[data-code="storage-full"]')).toBeVisible();
  expect(fetched).toBe(0);
  await expect(lone.getByLabel('Prompt', { exact: true })).toHaveValue('a dog');
});

test('a corrupt chunk is fetched again, and a file that stays corrupt is refused', async ({ lone }) => {
  let requests = 0;
  let corrupt = Infinity;
  await weights(lone, async (route) => {
    requests += 1;
    const response = await route.fetch();
    const body = await response.body();
    if (requests <= corrupt) body[body.length >> 1]! ^= 0xff;
    await route.fulfill({ response, body });
  });
  await openStudio(lone);
  await compose(lone, 'a dog', TINY);
  await button(lone, 'Generate').click();
  await expect(lone.locator('.problem[data-code="corrupt-weights"]')).toBeVisible({ timeout: 60_000 });
  expect(requests).toBeGreaterThan(1);

  corrupt = requests + 1; // damaged once more, then whole
  await button(lone, 'Try again').click();
  await expect(lone.getByText('Loading the model')).toBeVisible({ timeout: 60_000 });
  expect(requests).toBeGreaterThan(corrupt);
});

test('a network that goes away mid-download is said, and the download goes on from there', async ({ lone }) => {
  const asked: string[] = [];
  let gone = true;
  await lone.context().route('**/models/storybook/*.gguf', async (route) => {
    const name = new URL(route.request().url()).pathname.split('/').pop()!;
    asked.push(name);
    // One file arrives whole; then the line is dead.
    if (gone && new Set(asked).size > 1) return route.abort('internetdisconnected');
    return route.continue();
  });
  await openStudio(lone);
  await compose(lone, 'a dog', TINY);
  await button(lone, 'Generate').click();
  await expect(lone.locator('.problem[data-code="network"]')).toBeVisible({ timeout: 60_000 });
  const arrived = asked[0]!;
  gone = false;
  asked.length = 0;
  await button(lone, 'Try again').click();
  await expect(lone.getByText('Loading the model')).toBeVisible({ timeout: 60_000 });
  expect(asked, 'what had arrived is not fetched again').not.toContain(arrived);
});

test('with the network gone at the first visit, the page says what it misses and tries again', async ({ lone }) => {
  await lone.context().route('**/models/storybook/manifest.json', (route) => route.abort('internetdisconnected'));
  await lone.goto('/');
  await expect(lone.locator('.problem[data-code="network"]')).toBeVisible();
  await lone.context().unroute('**/models/storybook/manifest.json');
  await button(lone, 'Try again').click();
  await expect(button(lone, 'Generate')).toBeEnabled();
});

test('a page without isolation says that one thread works, and still makes a clip', async ({ lone }) => {
  await lone.context().route('**/*', async (route) => {
    if (route.request().resourceType() !== 'document') return route.continue();
    const response = await route.fetch();
    const headers = Object.fromEntries(Object.entries(response.headers()).filter(([name]) => !name.startsWith('cross-origin-')));
    return route.fulfill({ response, headers });
  });
  await openStudio(lone);
  expect(await lone.evaluate(() => crossOriginIsolated)).toBe(false);
  await expect(lone.getByText(/not cross-origin isolated, so only one processor thread/)).toBeVisible();
  await expect(lone.getByText('processor, 1 thread', { exact: true })).toBeVisible();
  await compose(lone, 'a dog', TINY);
  await makeClip(lone);
});
