import { readFile } from 'node:fs/promises';
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny';
import { expect, type Download, type Page } from '@playwright/test';

/** Opens the page and waits until the model has said what it is. */
export async function openStudio(page: Page): Promise<void> {
  await page.goto('/');
  await expect(button(page, 'Generate')).toBeEnabled();
}

export function button(page: Page, name: string | RegExp) {
  return page.getByRole('button', { name, exact: typeof name === 'string' });
}

export interface Settings {
  readonly steps?: number;
  readonly frames?: number;
  readonly seed?: number;
  /** The smallest size that the model offers; false: the largest. */
  readonly small?: boolean;
}

/** Fills the composer the way a person does. */
export async function compose(page: Page, prompt: string, settings: Settings = {}): Promise<void> {
  await page.getByLabel('Prompt', { exact: true }).fill(prompt);
  if (Object.keys(settings).length === 0) return;
  if (await button(page, 'More').isVisible()) await button(page, 'More').click();
  if (settings.steps !== undefined) await page.getByLabel('Steps').fill(String(settings.steps));
  if (settings.seed !== undefined) await page.getByLabel('Seed', { exact: true }).fill(String(settings.seed));
  if (settings.frames !== undefined) await page.getByLabel('Length').selectOption(String(settings.frames));
  if (settings.small !== undefined) {
    const size = page.getByLabel('Size', { exact: true });
    const values = await size.locator('option').evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value));
    const area = (value: string) => value.split('x').reduce((product, side) => product * Number(side), 1);
    const bySize = values.sort((a, b) => area(a) - area(b));
    if (values.length > 1) await size.selectOption(bySize.at(settings.small ? 0 : -1)!);
  }
  await button(page, 'Less').click();
}

/** The cheapest clip that still goes through every phase. */
export const TINY: Settings = { steps: 2, frames: 5, small: true };

/** Waits for the clip to stand on the stage. */
export async function untilClip(page: Page): Promise<void> {
  await expect(page.locator('video')).toBeVisible({ timeout: 100_000 });
  await expect(button(page, 'Generate')).toBeEnabled();
}

/** Generates what is composed, and waits for it. */
export async function makeClip(page: Page): Promise<void> {
  await button(page, 'Generate').click();
  await expect(button(page, 'Stop')).toBeVisible();
  await untilClip(page);
}

/** Waits until denoising has finished so many steps, as the stage says. */
export async function untilStep(page: Page, step: number): Promise<void> {
  await expect
    .poll(async () => Number(/step (\d+)/.exec((await page.locator('.progress').textContent()) ?? '')?.[1] ?? 0), {
      timeout: 100_000,
      intervals: [50], // a step of a small model takes less than the usual pause
    })
    .toBeGreaterThan(step);
}

export interface VideoFacts {
  readonly mimeType: string;
  readonly codec: string | null;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly fps: number;
  readonly comment: unknown;
}

/** What a downloaded file really is, read by another library than the one that wrote it. */
export async function inspectVideo(download: Download): Promise<VideoFacts> {
  const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(await readFile(await download.path())) });
  const track = (await input.getPrimaryVideoTrack())!;
  const stats = await track.computePacketStats();
  const tags = await input.getMetadataTags();
  return {
    mimeType: await input.getMimeType(),
    codec: track.codec,
    width: track.displayWidth,
    height: track.displayHeight,
    frames: stats.packetCount,
    fps: Math.round(stats.averagePacketRate * 1000) / 1000,
    comment: tags.comment ? JSON.parse(tags.comment) : null,
  };
}

/** Presses the download button at a scale and gives the file. */
export async function downloadClip(page: Page, scale: 1 | 2 | 4): Promise<Download> {
  await page.getByLabel('Size of the file').selectOption(String(scale));
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 60_000 }), button(page, 'Download this clip').click()]);
  return download;
}

export async function manifestOf(
  page: Page,
): Promise<{ readonly defaults: Record<'width' | 'height' | 'frames' | 'fps', number>; readonly text: { readonly length: number } }> {
  return (await page.request.get('/models/storybook/manifest.json')).json();
}
