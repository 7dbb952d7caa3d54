import { expect, test } from './fixtures';
import { button, compose, downloadClip, inspectVideo, manifestOf, openStudio, storeModel, TINY, untilClip, untilStep } from './studio-page';

test('first visit: from a prompt to a clip, and to files of exact size, rate and length', async ({ tab }) => {
  await openStudio(tab);
  await expect(tab.getByText(/The first clip fetches the model once, [\d.]+ MB/)).toBeVisible();
  await expect(button(tab, /^On this device · (processor, \d+ threads?|GPU)/)).toBeVisible();
  expect(await tab.evaluate(() => crossOriginIsolated)).toBe(true);

  await compose(tab, 'a red fox jumps in the snow at night, camera zooms in', { seed: 41 });
  await expect(tab.locator('#prompt-hints')).toContainText('red fox');
  await tab.keyboard.press('Control+Enter');
  await expect(tab.getByText(/Fetching Storybook, once/)).toBeVisible();
  await untilStep(tab, 1);
  await expect(tab.locator('.screen canvas')).toBeVisible();
  expect(await tab.title()).toMatch(/^\d+% Denoise · Kinora$/);
  await untilClip(tab);
  expect(await tab.title()).toBe('Clip ready · Kinora');
  await expect(tab.getByRole('status').filter({ hasText: 'The clip is ready.' })).toBeAttached();

  const { defaults } = await manifestOf(tab);
  const { width, height, frames, fps } = defaults as { width: number; height: number; frames: number; fps: number };
  const file = await downloadClip(tab, 1);
  expect(file.suggestedFilename()).toBe('a-red-fox-jumps-in-the-snow-at-night-camera-zooms-in-41.mp4');
  const video = await inspectVideo(file);
  expect(video).toMatchObject({ codec: 'avc', width, height, frames, fps });
  expect(video.mimeType).toMatch(/^video\/mp4/);
  expect(video.comment).toMatchObject({ prompt: 'a red fox jumps in the snow at night, camera zooms in', seed: 41 });

  const large = await inspectVideo(await downloadClip(tab, 4));
  expect(large).toMatchObject({ codec: 'avc', width: width * 4, height: height * 4, frames, fps });
  await expect(tab.locator('.clip')).toContainText(/Seed\s*41/);
});

test('the player steps through every frame by keyboard', async ({ tab }) => {
  await openStudio(tab);
  await compose(tab, 'a red car in the city', TINY);
  await button(tab, 'Generate').click();
  await untilClip(tab);
  const scrub = tab.getByRole('slider', { name: 'Frame' });
  await scrub.focus();
  await tab.keyboard.press('Home');
  await expect(scrub).toHaveAttribute('aria-valuetext', 'frame 1 of 5');
  await tab.keyboard.press('ArrowRight');
  await expect(scrub).toHaveAttribute('aria-valuetext', 'frame 2 of 5');
  await expect.poll(() => tab.locator('video').evaluate((video: HTMLVideoElement) => Math.floor(video.currentTime * 8))).toBe(1);
  await button(tab, 'Previous frame').click();
  await button(tab, 'Previous frame').click();
  await expect(scrub).toHaveAttribute('aria-valuetext', 'frame 5 of 5');
  await button(tab, 'Play').click();
  await expect(button(tab, 'Pause')).toBeVisible();
  await expect.poll(() => tab.locator('video').evaluate((video: HTMLVideoElement) => video.paused)).toBe(false);
});

test('the second visit works without a network, and asks for nothing', async ({ tab, profile }) => {
  await openStudio(tab);
  await storeModel(tab);
  await profile.setOffline(true);
  try {
    await tab.reload();
    await expect(button(tab, 'Generate')).toBeEnabled();
    await expect(tab.getByText(/fetches the model/)).toBeHidden();
    await compose(tab, 'a blue fish under water', TINY);
    await button(tab, 'Generate').click();
    await untilClip(tab);
    await downloadClip(tab, 2);
  } finally {
    await profile.setOffline(false);
  }
});

test('a run can be stopped, and goes on from what was done', async ({ tab }) => {
  await openStudio(tab);
  await compose(tab, 'a rocket floats up in space', { steps: 16 });
  await button(tab, 'Generate').click();
  await untilStep(tab, 2);
  await button(tab, 'Stop').click();
  const stopped = tab.getByText(/Stopped after step \d+ of 16/);
  await expect(stopped).toBeVisible();
  const done = Number(/step (\d+)/.exec((await stopped.textContent())!)![1]);
  await expect(tab.getByText('What is done is kept')).toBeVisible();
  await button(tab, 'Go on').click();
  await expect
    .poll(async () => Number(/step (\d+)/.exec((await tab.locator('.progress').textContent()) ?? '')?.[1] ?? 0))
    .toBeGreaterThan(done);
  await untilClip(tab);
  await expect(tab.locator('.clip')).toContainText(/Went on after step \d+/);
});

test('a page that went away mid-run says what it interrupted and goes on with it', async ({ tab }) => {
  await openStudio(tab);
  await compose(tab, 'a ghost in the forest at night', { steps: 16 });
  await button(tab, 'Generate').click();
  await untilStep(tab, 3);
  await tab.waitForTimeout(1200); // the engine keeps the state at most once a second
  await tab.reload();
  await expect(tab.getByText(/Not finished when this page went away: “a ghost in the forest at night”/)).toBeVisible();
  await expect(tab.getByLabel('Prompt', { exact: true })).toHaveValue('a ghost in the forest at night');
  await tab.getByRole('button', { name: /Go on|Start it again/ }).click();
  await untilClip(tab);
  await expect(tab.locator('.clip')).toContainText('a ghost in the forest at night');
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

test('a prompt that is too long is made as far as it goes, and the page says what was left out', async ({ tab }) => {
  await openStudio(tab);
  const { text } = await manifestOf(tab);
  const words = Array.from({ length: text.length + 12 }, (_, i) => ['dog', 'cat', 'fox'][i % 3]);
  await compose(tab, `${words.join(' ')} zebra`, TINY);
  await button(tab, 'Generate').click();
  await untilClip(tab);
  await expect(tab.getByText(/Too long: the model read only the beginning. Left out: “.*zebra”/)).toBeVisible();
});
