import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { FOR_DOCS, hasSidewaysScroll, inspect } from './inspect-page';
import { seedClips } from './made-up-clips';
import { button, compose, openStudio, TINY } from './studio-page';

/** The pictures in docs/ are of clips that the model really made. */
const PROMPTS = [
  'a fox stands still in the snow at night',
  'a sailboat moves to the right on a lake at sunset',
  'a dog moves to the left on the beach',
  'a tractor stands still in a meadow at sunset',
  'a bear moves to the right in a forest',
  'a penguin in the snow, pixel art',
  'a whale moves to the left under water',
  'a car in a city street at night',
  'a panda stands still in the mountains',
  'an owl moves to the left in a forest at night',
  'a tree in a meadow, flat illustration',
  'a robot in the desert at sunset',
];

/** Makes them through the page: each waits its turn in the queue. Without pictures for docs/ three small ones, beside made-up ones. */
async function fillLibrary(page: Page): Promise<void> {
  const made = FOR_DOCS ? PROMPTS : PROMPTS.slice(0, 3);
  await page.goto('/#/');
  for (const [index, prompt] of made.entries()) {
    await compose(page, prompt, { ...(FOR_DOCS ? {} : TINY), seed: index + 1 });
    await button(page, 'Generate').click();
  }
  await page.goto('/#/library');
  await expect(page.locator('.grid li')).toHaveCount(made.length, { timeout: 120_000 });
  if (FOR_DOCS) return;
  await seedClips(page, PROMPTS.length - made.length);
  await page.reload();
  await expect(page.locator('.grid li')).toHaveCount(PROMPTS.length);
}

test('the library: nothing for axe to find, and nothing cut off, in either theme', async ({ lone: page }) => {
  test.setTimeout(180_000);
  await openStudio(page);
  await page.goto('/#/library');
  await expect(page.getByText('Every clip you make is kept here')).toBeVisible();
  await inspect(page, 'library-empty');

  await fillLibrary(page);
  await expect(page.locator('.grid li img')).toHaveCount(PROMPTS.length);
  await page
    .getByRole('button', { name: /^Favourite: / })
    .nth(1)
    .click();
  await page
    .getByRole('button', { name: /^Favourite: / })
    .nth(4)
    .click();
  await page.mouse.move(0, 0);
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await inspect(page, 'library');

  await page.getByRole('checkbox').first().check();
  await page.getByRole('checkbox').nth(2).check();
  await inspect(page, 'library-selected');
  await button(page, 'Delete the selected clips').click();
  await expect(button(page, 'Bring back what was deleted')).toBeVisible();
  await button(page, 'Bring back what was deleted').click();

  for (const width of [320, 2560]) {
    await page.setViewportSize({ width, height: width === 320 ? 640 : 1440 });
    // The grid counts its columns anew a frame after the window's size changed.
    await expect.poll(() => hasSidewaysScroll(page), { message: `at ${width}`, timeout: 2_000 }).toBe(false);
  }
  await page.locator('.grid li .open').first().click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await button(page, 'Pause').click();
  await inspect(page, 'library-clip');
});
