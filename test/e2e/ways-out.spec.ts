import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { seedClips } from './made-up-clips';
import { button, compose, inspectVideo, makeClip, openStudio, TINY } from './studio-page';

/** What the page hands to the system, which no browser without a screen has. */
interface Told {
  readonly shared: { readonly title: string; readonly name: string; readonly type: string; readonly bytes: number[] }[];
  readonly notes: { readonly title: string; readonly body: string }[];
}
const told = (page: Page) => page.evaluate(() => (globalThis as unknown as { told: Told }).told);

/** Puts a system behind the page that shares files and shows notifications, and notes what it is told. */
async function withSystem(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const told = { shared: [] as unknown[], notes: [] as unknown[] };
    class FakeNotification {
      static permission = 'default';
      static requestPermission = async () => (FakeNotification.permission = 'granted');
      onclick = null;
      close = () => undefined;
      constructor(title: string, { body }: { body: string }) {
        told.notes.push({ title, body });
      }
    }
    Object.assign(globalThis, { told, Notification: FakeNotification });
    Object.assign(navigator, {
      canShare: ({ files }: { files: File[] }) => files.every(({ type }) => type.startsWith('video/') || type.startsWith('image/')),
      share: async ({ files, title }: { files: File[]; title: string }) => {
        const [file] = files as [File];
        told.shared.push({ title, name: file.name, type: file.type, bytes: [...new Uint8Array(await file.arrayBuffer())] });
      },
    });
  });
}

test('a clip leaves Create as any kind of file, and by the system’s share sheet', async ({ lone: page }) => {
  await withSystem(page);
  await openStudio(page);
  await compose(page, 'a dog on the beach', { ...TINY, seed: 9 });
  await makeClip(page);
  const save = async (format: string) => {
    await page.getByLabel('Format').selectOption(format);
    return (await Promise.all([page.waitForEvent('download', { timeout: 60_000 }), button(page, 'Download this clip').click()]))[0];
  };
  const mp4 = await inspectVideo(await save('mp4'));
  expect(mp4).toMatchObject({ codec: 'avc', frames: 5, comment: { seed: 9 } });
  expect(await inspectVideo(await save('webm'))).toMatchObject({ mimeType: expect.stringMatching(/^video\/webm/), frames: 5 });
  const gif = await save('gif');
  expect(gif.suggestedFilename()).toBe('a-dog-on-the-beach-9.gif');
  expect((await readFile(await gif.path())).toString('latin1', 0, 6)).toBe('GIF89a');

  // “This frame” is the one that the player shows.
  await page.getByRole('slider', { name: 'Frame' }).focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await expect(page.getByLabel('Format').locator('option[value=png]')).toHaveText('PNG, this frame (2)');
  const second = await readFile(await (await save('png')).path());
  await page.getByRole('slider', { name: 'Frame' }).focus();
  await page.keyboard.press('End');
  await expect(page.getByLabel('Format').locator('option[value=png]')).toHaveText('PNG, this frame (5)');
  expect((await readFile(await (await save('png')).path())).equals(second)).toBe(false);

  await page.getByLabel('Format').selectOption('mp4');
  await page.getByRole('checkbox', { name: /Include prompt/ }).uncheck();
  await button(page, 'Share… this clip').click();
  await expect.poll(async () => (await told(page)).shared.length).toBe(1);
  const [shared] = (await told(page)).shared;
  expect(shared).toMatchObject({ title: 'a dog on the beach', name: 'a-dog-on-the-beach-9.mp4', type: 'video/mp4' });
  const file = Buffer.from(shared!.bytes);
  expect(file.toString('latin1', 4, 8), 'a whole MP4').toBe('ftyp');
  expect(file.includes('a dog on the beach'), 'the prompt stays here').toBe(false);
  expect(file.includes('trainedAlgorithmicMedia'), 'the mark stays in').toBe(true);
});

test('a browser that shares no files is offered no sharing', async ({ lone: page }) => {
  await page.addInitScript(() => Object.assign(navigator, { canShare: undefined, share: undefined }));
  await openStudio(page);
  await compose(page, 'a dog', TINY);
  await makeClip(page);
  await expect(button(page, 'Download this clip')).toBeVisible();
  await expect(button(page, 'Share… this clip')).toBeHidden();
});

test('a notification is shown once it was asked for, and only while the page is out of sight', async ({ lone: page }) => {
  await withSystem(page);
  await page.goto('/#/settings');
  await page.getByLabel(/Tell me when a clip is done/).check();
  await expect(page.getByLabel(/Tell me when a clip is done/)).toBeChecked();
  await page.goto('/#/');
  await compose(page, 'a dog on the beach', TINY);
  await makeClip(page);
  expect((await told(page)).notes).toEqual([]);
  await page.evaluate(() => Object.defineProperty(document, 'hidden', { configurable: true, get: () => true }));
  await makeClip(page);
  await expect.poll(async () => (await told(page)).notes).toEqual([{ title: 'Your clip is ready', body: 'a dog on the beach' }]);
});

test('the browser’s promise to keep what is stored is asked for, and what it says is shown', async ({ lone: page }) => {
  await page.addInitScript(() => {
    navigator.storage.persist = async () => sessionStorage.getItem('answer') === 'yes';
  });
  // The engine's worker asks on its own what was granted; there the page's answer stands in for the browser's.
  await page.context().route(/\/assets\/worker-[^/]+\.js$/, async (route) => {
    const response = await route.fetch();
    const grant = `navigator.storage.persisted = async () => new Promise((done) => {
      const channel = new BroadcastChannel('answer'); channel.onmessage = ({ data }) => done(data === 'yes'); channel.postMessage('?'); setTimeout(() => done(false), 300); });`;
    await route.fulfill({ response, body: `${await response.text()}\n;${grant}` });
  });
  await page.goto('/#/models');
  await button(page, 'Ask the browser to keep it').click();
  await expect(page.getByText(/The browser said no/)).toBeVisible();
  await page.evaluate(() => {
    sessionStorage.setItem('answer', 'yes');
    const channel = new BroadcastChannel('answer');
    channel.onmessage = ({ data }) => data === '?' && channel.postMessage('yes');
  });
  await button(page, 'Ask the browser to keep it').click();
  await expect(page.getByText('The browser keeps it, even when the disk gets full.')).toBeVisible();
  await expect(button(page, 'Ask the browser to keep it')).toBeHidden();
});

test('clips of the library play when they are pointed at or focused, and never where motion is not wanted', async ({ lone: page }) => {
  await openStudio(page);
  await seedClips(page, 4);
  await page.goto('/#/library');
  const cards = page.locator('.grid li');
  await expect(cards).toHaveCount(4);
  const moves = (index: number) =>
    cards
      .nth(index)
      .locator('video')
      .evaluateAll((videos: HTMLVideoElement[]) => videos.some(({ paused, currentTime }) => !paused && currentTime > 0));
  await cards.nth(1).hover();
  await expect.poll(() => moves(1)).toBe(true);
  expect(await page.locator('.grid video').count(), 'that one alone').toBe(1);
  await page.mouse.move(0, 0);
  await expect(page.locator('.grid video')).toHaveCount(0);
  await cards.nth(2).locator('.open').focus();
  await expect.poll(() => moves(2)).toBe(true);

  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await cards.nth(0).hover();
  await cards.nth(2).locator('.open').focus();
  await page.waitForTimeout(600); // it would have begun after 90 ms
  await expect(page.locator('.grid video')).toHaveCount(0);
  await cards.nth(0).locator('.open').click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await expect(button(page, 'Play')).toBeVisible();
  expect(await page.locator('dialog video').evaluate((video: HTMLVideoElement) => video.paused)).toBe(true);
  await button(page, 'Play').click();
  await expect(button(page, 'Pause')).toBeVisible();
});
