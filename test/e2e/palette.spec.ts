import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { button, compose, makeClip, openStudio, TINY } from './studio-page';
import { readLink } from '../../src/app/spec-link';

const commands = (page: Page) => page.getByRole('combobox', { name: 'Search commands' });

async function openPalette(page: Page): Promise<void> {
  await page.keyboard.press('ControlOrMeta+k');
  await expect(commands(page)).toBeFocused();
}

/** Does something by its words, the way a keyboard user does. */
async function command(page: Page, words: string): Promise<void> {
  await openPalette(page);
  await page.keyboard.type(words);
  await page.keyboard.press('Enter');
  await expect(commands(page)).toHaveCount(0); // gone: until then the page takes no other shortcut
}

/** Everything that the palette offers just now. */
async function offered(page: Page): Promise<string[]> {
  await openPalette(page);
  const names = await page.getByRole('option').locator('span').allTextContents();
  await page.keyboard.press('Escape');
  await expect(commands(page)).toHaveCount(0); // gone: until then the page takes no other shortcut
  return names;
}

test('what has a button on Create is in the palette too, and does the same', async ({ firstVisit: page }) => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await openStudio(page);
  const prompt = page.getByLabel('Prompt', { exact: true });
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  expect(await offered(page)).toEqual(expect.arrayContaining(['Surprise me', 'Copy link', 'Prompt history', 'Presets', 'More settings']));
  expect(await offered(page), 'no clip, no player').not.toContain('Next frame');

  await expect(prompt).toHaveValue('');
  await command(page, 'surprise');
  await expect(prompt).not.toHaveValue('');
  await compose(page, 'a dog on the beach', { ...TINY, seed: 12 });
  await command(page, 'copy link');
  await expect(page.getByText('Link copied')).toBeVisible();
  expect(readLink(new URL(await clipboard()).hash)).toMatchObject({ prompt: 'a dog on the beach', seed: 12, steps: 2 });
  await command(page, 'copy the seed');
  await expect.poll(clipboard).toBe('12');
  await command(page, 'more settings');
  await expect(page.getByLabel('Steps')).toBeVisible();
  await command(page, 'fewer settings');
  await expect(page.getByLabel('Steps')).toBeHidden();

  await command(page, 'presets');
  await expect(page.getByLabel('Name of a new preset')).toBeFocused();
  await expect(button(page, 'Presets')).toHaveAttribute('aria-expanded', 'true');
  await makeClip(page);
  await command(page, 'prompt history');
  await expect(button(page, 'a dog on the beach')).toBeFocused();
  await expect(page.getByRole('region', { name: 'Presets' })).toBeHidden();

  await command(page, 'pause');
  await command(page, 'next frame');
  await expect(page.getByRole('slider', { name: 'Frame' })).toHaveAttribute('aria-valuetext', /^frame [1-5] of 5$/);
  await expect(button(page, 'Play')).toBeVisible();
  await compose(page, 'a cat');
  await command(page, 'use these settings with a new seed');
  await expect(prompt).toHaveValue('a dog on the beach');
  await command(page, 'clear the history');
  await expect(page.getByText('Prompts that you make clips of are listed here.')).toBeVisible();
  await command(page, 'what runs where');
  await expect(page.getByRole('region', { name: 'What runs where' })).toBeVisible();
});

test('the other screens bring theirs, and take them along', async ({ tab }) => {
  await openStudio(tab);
  await compose(tab, 'a dog on the beach', TINY);
  await makeClip(tab); // so that the model is here, and a clip
  await command(tab, 'go models');
  await expect(tab.getByText(/^On this device, /)).toBeVisible();
  const onModels = await offered(tab);
  expect(onModels).toEqual(expect.arrayContaining(['Verify Storybook', 'Download again: Storybook', 'Delete… Storybook']));
  expect(onModels, 'Create’s').not.toContain('Surprise me');
  await command(tab, 'verify');
  await expect(tab.getByText('Checked: every byte is as it was published.')).toBeVisible({ timeout: 60_000 });
  await command(tab, 'delete storybook');
  await expect(button(tab, 'Delete')).toBeFocused();
  await button(tab, 'Keep').click();

  await command(tab, 'go library');
  await tab.locator('.grid li .open').first().click();
  await command(tab, 'make this clip a favourite');
  await expect(button(tab, 'Favourite')).toHaveAttribute('aria-pressed', 'true');
  await command(tab, 'use these settings with the same seed');
  await expect(tab.getByLabel('Prompt', { exact: true })).toHaveValue('a dog on the beach');
  expect(await offered(tab), 'the Library’s').not.toContain('Search the library');

  await command(tab, 'go settings');
  await expect(button(tab, 'Delete everything…')).toBeVisible(); // the screen is fetched when it is first looked at
  await command(tab, 'delete everything');
  await expect(tab.getByRole('dialog', { name: 'Delete everything?' })).toBeVisible();
});
