import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { button, compose, downloadClip, inspectVideo, makeClip, manifestOf, openStudio, TINY, untilClip, untilStep } from './studio-page';

const stepShown = async (page: Page) => Number(/step (\d+)/.exec((await page.locator('.progress').textContent()) ?? '')?.[1] ?? 0);

test('from a first visit to a second one without a network', async ({ firstVisit: page }) => {
  test.setTimeout(240_000);
  const prompt = 'a red fox jumps in the snow at night, camera zooms in';

  const { defaults, text } = await manifestOf(page);
  const { width, height, frames, fps } = defaults;

  await test.step('the page says what it will do, before it does it', async () => {
    await openStudio(page);
    await expect(page.getByText(/The first clip fetches the model once, [\d.]+ MB/)).toBeVisible();
    await expect(button(page, /^On this device · (processor, \d+ threads?|GPU)/)).toBeVisible();
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await compose(page, prompt, { seed: 41, steps: 30 }); // enough of them to be seen, however fast a step is
    await expect(page.locator('#prompt-hints')).toContainText('red fox');
  });

  await test.step('a prompt becomes a clip, with progress and preview', async () => {
    await page.keyboard.press('Control+Enter');
    await expect(page.getByText(/Fetching Storybook, once/)).toBeVisible();
    await untilStep(page, 1);
    await expect(page.locator('.screen canvas')).toBeVisible();
    expect(await page.title()).toMatch(/^\d+% Denoise · Kinora$/);
    await untilClip(page);
    expect(await page.title()).toBe('Clip ready · Kinora');
    await expect(page.getByRole('status').filter({ hasText: 'The clip is ready.' })).toBeAttached();
    await expect(page.locator('.clip')).toContainText(/Seed\s*41/);
  });

  await test.step('the files have the exact size, rate and length', async () => {
    const file = await downloadClip(page, 1);
    expect(file.suggestedFilename()).toBe('a-red-fox-jumps-in-the-snow-at-night-camera-zooms-in-41.mp4');
    const video = await inspectVideo(file);
    expect(video).toMatchObject({ codec: 'avc', width, height, frames, fps });
    expect(video.mimeType).toMatch(/^video\/mp4/);
    expect(video.comment).toMatchObject({ prompt, seed: 41 });
    const large = await inspectVideo(await downloadClip(page, 4));
    expect(large).toMatchObject({ codec: 'avc', width: width * 4, height: height * 4, frames, fps });
  });

  await test.step('the player steps through every frame by keyboard', async () => {
    await compose(page, 'a red car in the city', TINY);
    await makeClip(page);
    const scrub = page.getByRole('slider', { name: 'Frame' });
    await scrub.focus();
    await page.keyboard.press('Home');
    await expect(scrub).toHaveAttribute('aria-valuetext', 'frame 1 of 5');
    // The element itself says which picture it shows.
    await page.locator('video').evaluate((video: HTMLVideoElement) =>
      video.requestVideoFrameCallback(function note(_now, { mediaTime }) {
        video.dataset['shown'] = String(mediaTime);
        video.requestVideoFrameCallback(note);
      }),
    );
    for (const frame of [1, 2, 3]) {
      await page.keyboard.press('ArrowRight');
      await expect(scrub).toHaveAttribute('aria-valuetext', `frame ${frame + 1} of 5`);
      await expect.poll(async () => Math.round(Number(await page.locator('video').getAttribute('data-shown')) * fps)).toBe(frame);
    }
    await page.keyboard.press('Home');
    await expect(scrub).toHaveAttribute('aria-valuetext', 'frame 1 of 5');
    await button(page, 'Previous frame').click();
    await expect(scrub).toHaveAttribute('aria-valuetext', 'frame 5 of 5');
    await button(page, 'Play').click();
    await expect(button(page, 'Pause')).toBeVisible();
    await expect.poll(() => page.locator('video').evaluate((video: HTMLVideoElement) => video.paused)).toBe(false);
  });

  await test.step('a prompt that is too long is made as far as it goes, and the page says what was left out', async () => {
    const words = Array.from({ length: text.length + 12 }, (_, i) => ['dog', 'cat', 'fox'][i % 3]);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await compose(page, `${words.join(' ')} zebra`, TINY);
    await makeClip(page);
    await expect(page.getByText(/Too long: the model read only the beginning. Left out: “.*zebra”/)).toBeVisible();
    // And where motion is not wanted, nothing starts to move by itself.
    await expect(button(page, 'Play')).toBeVisible();
    expect(await page.locator('video').evaluate((video: HTMLVideoElement) => video.paused)).toBe(true);
  });

  await test.step('the second visit asks the network for nothing', async () => {
    await page.context().setOffline(true);
    await page.reload();
    await expect(button(page, 'Generate')).toBeEnabled();
    await expect(page.getByText(/fetches [\d.]+ MB/)).toBeHidden();
    await compose(page, 'a blue fish under water', TINY);
    await makeClip(page);
    expect((await inspectVideo(await downloadClip(page, 2))).frames).toBe(5);
  });
});

test('a run can be stopped at once, and goes on from what was done', async ({ tab }) => {
  await openStudio(tab);
  await compose(tab, 'a rocket floats up in space', { steps: 30, small: true });
  await button(tab, 'Generate').click();
  await untilStep(tab, 2);
  await button(tab, 'Stop').click();
  const stopped = tab.getByText(/Stopped after step \d+ of 30/);
  await expect(stopped).toBeVisible();
  const done = Number(/step (\d+)/.exec((await stopped.textContent())!)![1]);
  expect(done, 'it does not run on to its end').toBeLessThan(20);
  await expect(tab.getByText('What is done is kept')).toBeVisible();
  await button(tab, 'Go on').click();
  await expect.poll(() => stepShown(tab)).toBeGreaterThan(done);
  await untilClip(tab);
  await expect(tab.locator('.clip')).toContainText(`Went on after step ${done}`);
});

test('a page that went away mid-run says what it interrupted, and goes on with it', async ({ tab }) => {
  await openStudio(tab);
  // Many: a fast machine must not be done before the page goes away.
  await compose(tab, 'a ghost in the forest at night', { steps: 60, small: true });
  await button(tab, 'Generate').click();
  await untilStep(tab, 4);
  await tab.waitForTimeout(1200); // the engine keeps the state at most once a second
  await tab.reload();
  await expect(
    tab.getByText(/Not finished when this page went away: “a ghost in the forest at night”, \d+ of 60 steps done/),
  ).toBeVisible();
  await expect(tab.getByLabel('Prompt', { exact: true })).toHaveValue('a ghost in the forest at night');
  await button(tab, 'Go on with the unfinished clip').click();
  await untilClip(tab);
  await expect(tab.locator('.clip')).toContainText(/Went on after step \d+/);
  await tab.reload();
  await expect(button(tab, 'Generate')).toBeEnabled();
  await expect(tab.getByText(/Not finished/)).toBeHidden();
});

test('a second tab says that it waits, and runs after the first', async ({ tab, profile }) => {
  const second = await profile.newPage();
  await openStudio(tab);
  await openStudio(second);
  await compose(tab, 'a train in the mountains', { steps: 100 });
  await compose(second, 'a bee in a meadow', TINY);
  await button(tab, 'Generate').click();
  await untilStep(tab, 1);
  await button(second, 'Generate').click();
  await expect(second.getByText(/Another tab is making a clip/).first()).toBeVisible();
  await expect(second).toHaveTitle('Waiting · Kinora');
  await button(tab, 'Stop').click();
  await untilClip(second);
  await second.close();
});
