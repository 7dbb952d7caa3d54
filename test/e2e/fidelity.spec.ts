import { expect, test } from './fixtures';
import type { createKinora } from '../../src/engine/create-kinora';

declare global {
  interface Window {
    createKinora: typeof createKinora;
  }
}

/** What H.264 at Kinora's rates must keep of the frames that went in. */
const MEAN_DB = 32;
const WORST_DB = 28;

test('the MP4 decodes to the frames that went in', async ({ tab }) => {
  await tab.goto('/headless.html');
  await tab.waitForFunction(() => 'createKinora' in window);
  const result = await tab.evaluate(async () => {
    const kinora = window.createKinora();
    const { blob, frames, report } = await kinora.generate({ prompt: 'a dog jumps on the beach at sunset', seed: 7 }, { keepFrames: true });
    const { width, height, fps } = report.clip;
    const video = document.createElement('video');
    video.muted = true;
    video.src = URL.createObjectURL(blob);
    const event = (name: string) =>
      new Promise((done, fail) => ((video.onerror = fail), video.addEventListener(name, done, { once: true })));
    await event('loadeddata');
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    const decibels: number[] = [];
    for (const [index, rgba] of frames!.entries()) {
      // “seeked” may come before the picture does; where the frame is the one that is shown already, no other picture comes.
      const presented = new Promise((done) => video.requestVideoFrameCallback(done));
      video.currentTime = (index + 0.25) / fps; // see momentOf in src/app/player.svelte.ts
      await event('seeked');
      await Promise.race([presented, new Promise((done) => setTimeout(done, 250))]);
      context.drawImage(video, 0, 0);
      const shown = context.getImageData(0, 0, width, height).data;
      let squares = 0;
      for (let i = 0; i < shown.length; i += 1) if (i % 4 !== 3) squares += (shown[i]! - rgba[i]!) ** 2;
      decibels.push(10 * Math.log10(255 ** 2 / (squares / (width * height * 3))));
    }
    await kinora.dispose();
    return { decibels, clip: report.clip, intrinsic: [video.videoWidth, video.videoHeight], duration: video.duration };
  });
  const { decibels, clip } = result;
  expect(decibels).toHaveLength(clip.frames);
  expect(result.intrinsic).toEqual([clip.width, clip.height]);
  expect(result.duration).toBeCloseTo(clip.frames / clip.fps, 2);
  const mean = decibels.reduce((sum, value) => sum + value, 0) / decibels.length;
  test.info().annotations.push({ type: 'PSNR', description: `mean ${mean.toFixed(1)} dB, worst ${Math.min(...decibels).toFixed(1)} dB` });
  expect(mean).toBeGreaterThanOrEqual(MEAN_DB);
  expect(Math.min(...decibels)).toBeGreaterThanOrEqual(WORST_DB);
});
