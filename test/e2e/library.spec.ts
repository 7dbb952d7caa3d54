import { readFile } from 'node:fs/promises';
import { unzipSync } from 'fflate';
import type { Download, Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { seedClips } from './made-up-clips';
import { button, compose, inspectVideo, makeClip, openStudio, TINY } from './studio-page';

const cards = (page: Page) => page.locator('.grid li');
const screenLink = (page: Page, name: string) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name });
const search = (page: Page) => page.getByLabel('Search clips');

async function downloadAs(page: Page, format: string, scale: 1 | 2 | 4 = 1, includePrompt = true): Promise<Download> {
  await page.getByLabel('Format').selectOption(format);
  await page.getByLabel('Size of the file').selectOption(String(scale));
  await page.getByRole('checkbox', { name: /Include prompt/ }).setChecked(includePrompt);
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 60_000 }), button(page, 'Download this clip').click()]);
  return download;
}

/** Drops a file on the page, as a person would from a folder. */
async function drop(page: Page, bytes: Buffer, name: string, type: string): Promise<void> {
  await page.evaluate(
    ({ bytes, name, type }) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(bytes)], name, { type }));
      for (const kind of ['dragenter', 'dragover', 'drop'])
        document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
    },
    { bytes: [...bytes], name, type },
  );
}

test('a clip lives in the library: found, renamed, deleted, undone, saved as anything, restored, exported, imported', async ({
  firstVisit: page,
}) => {
  test.setTimeout(240_000);
  await openStudio(page);
  await compose(page, 'a dog on the beach', { ...TINY, seed: 77 });
  await makeClip(page);
  await screenLink(page, 'Library').click();
  await expect(cards(page)).toHaveCount(1);
  const card = page.getByRole('button', { name: /^a dog on the beach, / });

  await test.step('search', async () => {
    await search(page).fill('zebra');
    await expect(page.getByText('Nothing here for “zebra”.')).toBeVisible();
    await search(page).fill('BEACH 5 frames');
    await expect(cards(page)).toHaveCount(1);
    // No word of it stands there: it is the meaning that finds it.
    await search(page).fill('a puppy at the seaside');
    await expect(cards(page)).toHaveCount(1);
    await search(page).fill('');
  });

  await test.step('rename, favourite, delete, undo, by keyboard alone', async () => {
    await card.focus();
    await page.keyboard.press('F2');
    await page.keyboard.type('Holiday');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('button', { name: /^Holiday, / })).toBeFocused();
    await page.keyboard.press('f');
    await expect(button(page, 'Favourite: Holiday')).toHaveAttribute('aria-pressed', 'true');
    await page.keyboard.press('Delete');
    await expect(cards(page)).toHaveCount(0);
    await button(page, 'Bring back what was deleted').press('Enter');
    await expect(cards(page)).toHaveCount(1);
  });

  const saved: Record<string, Download> = {};
  await test.step('download each format', async () => {
    await page.getByRole('button', { name: /^Holiday, / }).click();
    for (const format of ['mp4', 'webm', 'gif', 'png', 'png-zip']) saved[format] = await downloadAs(page, format);
    const { width, height } = await inspectVideo(saved.mp4!);
    expect(await inspectVideo(saved.mp4!)).toMatchObject({ codec: 'avc', frames: 5, fps: 8, comment: { seed: 77, generator: 'Kinora' } });
    expect(await inspectVideo(saved.webm!)).toMatchObject({ mimeType: expect.stringMatching(/^video\/webm/), frames: 5, width, height });
    const gif = await readFile(await saved.gif!.path());
    expect(gif.toString('latin1', 0, 6)).toBe('GIF89a');
    expect([gif.readUInt16LE(6), gif.readUInt16LE(8)]).toEqual([width, height]);
    const png = await readFile(await saved.png!.path());
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([width, height]);
    expect(Object.keys(unzipSync(await readFile(await saved['png-zip']!.path())))).toHaveLength(5);
    const large = await downloadAs(page, 'mp4', 4, false);
    expect(large.suggestedFilename()).toBe('holiday-77-4x.mp4');
    expect(await inspectVideo(large)).toMatchObject({ frames: 5, width: width * 4, height: height * 4 });
    expect((await inspectVideo(large)).comment).not.toHaveProperty('prompt');
    await button(page, 'Close').click();
  });

  await test.step('drop it back, under another name; and something else', async () => {
    await drop(page, await readFile(await saved.mp4!.path()), 'renamed.bin', '');
    await expect(page.getByRole('dialog', { name: 'renamed.bin' })).toContainText('a dog on the beach');
    await button(page, 'Use with its seed').click();
    await expect(page.getByLabel('Prompt', { exact: true })).toHaveValue('a dog on the beach');
    await drop(page, Buffer.from('just some words, nothing else'), 'notes.txt', 'text/plain');
    await expect(page.getByRole('alert').filter({ hasText: 'not an MP4' })).toBeVisible();
    await button(page, 'Close').click();
  });

  await test.step('export, delete all, import', async () => {
    await screenLink(page, 'Library').click();
    const [zip] = await Promise.all([page.waitForEvent('download'), button(page, 'Export the whole library (zip)').click()]);
    await page.getByRole('checkbox', { name: 'Select Holiday' }).check();
    await button(page, 'Delete the selected clips').click();
    await expect(cards(page)).toHaveCount(0);
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button(page, 'Import a library').click()]);
    await chooser.setFiles(await zip.path());
    await expect(page.getByText('Imported 1 clip.')).toBeVisible();
    await expect(button(page, 'Favourite: Holiday')).toHaveAttribute('aria-pressed', 'true');
    await page.getByRole('button', { name: /^Holiday, / }).click();
    await button(page, 'Use these settings').click();
    await expect(page.getByLabel('Prompt', { exact: true })).toHaveValue('a dog on the beach');
  });
});

test('a thousand clips open in under a second, and are walked through by keyboard', async ({ lone: page }) => {
  await openStudio(page);
  await seedClips(page, 1000);
  await page.goto('/#/models'); // what belongs to every screen is there
  await page.reload();
  await screenLink(page, 'Library').waitFor();
  const milliseconds = await page.evaluate(async () => {
    const started = performance.now();
    location.hash = '#/library';
    while (!document.querySelector<HTMLImageElement>('.grid li img')?.complete) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - started;
  });
  console.log(`1,000 clips: ${milliseconds.toFixed(0)} ms from the click to the first pictures`);
  expect(milliseconds).toBeLessThan(1000);
  await expect(page.getByText('1000 clips', { exact: true })).toBeVisible();
  expect(await cards(page).count()).toBeLessThan(100);

  await cards(page).first().locator('.open').focus();
  await page.keyboard.press('End');
  await expect(page.locator('.grid li[aria-posinset="1000"] .open')).toBeFocused();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.press('Shift+ArrowLeft');
  await expect(page.getByText('3 selected')).toBeVisible();
  await page.keyboard.press('Delete');
  await expect(page.getByText('997 clips', { exact: true })).toBeVisible();
  await page.keyboard.press('ControlOrMeta+Shift+F');
  await expect(search(page)).toBeFocused();
  await page.keyboard.type('seed 1500');
  await expect(page.getByText('1 of 997 clips')).toBeVisible();
});

test('two tabs see each other’s changes', async ({ lone: page }) => {
  await openStudio(page);
  await seedClips(page, 3);
  const other = await page.context().newPage();
  await page.goto('/#/library');
  await other.goto('/#/library');
  await expect(cards(other)).toHaveCount(3);
  await page.getByRole('checkbox').first().check();
  await button(page, 'Delete the selected clips').click();
  await expect(cards(other)).toHaveCount(2);
  await button(page, 'Bring back what was deleted').click();
  await expect(cards(other)).toHaveCount(3);
});
