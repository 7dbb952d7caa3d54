import AxeBuilder from '@axe-core/playwright';
import { mkdirSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { button, compose, openStudio, TINY, untilClip } from './studio-page';

const THEMES = ['dark', 'light'] as const;
const SIZES = [
  { width: 390, height: 844 },
  { width: 768, height: 1024 },
  { width: 1440, height: 900 },
] as const;
/** docs/ keeps the pictures that were looked at: `KINORA_SCREENSHOTS=1 npm run test:e2e appearance` takes them anew. */
const FOLDER = process.env.KINORA_SCREENSHOTS ? 'docs/screenshots' : 'test-results/screenshots';

async function findings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`));
}

async function hasSidewaysScroll(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
}

for (const theme of THEMES)
  test(`nothing for axe to find, and nothing cut off, in the ${theme} theme`, async ({ tab }) => {
    mkdirSync(FOLDER, { recursive: true });
    const shoot = (state: string, width: number, fullPage = false) =>
      tab.screenshot({ path: `${FOLDER}/${state}-${theme}-${width}.jpg`, type: 'jpeg', quality: 84, fullPage });
    await tab.emulateMedia({ colorScheme: theme });
    await openStudio(tab);
    await button(tab, 'Other ideas').waitFor();
    expect(await findings(tab)).toEqual([]);
    for (const size of SIZES) {
      await tab.setViewportSize(size);
      expect(await hasSidewaysScroll(tab), `welcome at ${size.width}`).toBe(false);
      await shoot('welcome', size.width);
    }

    await button(tab, 'Generate').click(); // the empty prompt's error
    await button(tab, 'More').click();
    expect(await findings(tab)).toEqual([]);
    await shoot('settings', 1440);
    await button(tab, 'Less').click();
    await button(tab, /^On this device/).click();
    expect(await findings(tab)).toEqual([]);
    await tab.keyboard.press('Escape');

    const settings = process.env.KINORA_SCREENSHOTS ? { seed: 3 } : TINY;
    await compose(tab, 'a tractor in a meadow at sunset, camera zooms in', settings);
    await button(tab, 'Generate').click();
    await expect(tab.locator('.screen.lit')).toBeVisible({ timeout: 60_000 });
    await shoot('running', 1440);
    expect(await findings(tab)).toEqual([]);
    await untilClip(tab);
    await button(tab, 'Pause').click();
    for (const width of [320, 2560]) {
      await tab.setViewportSize({ width, height: width === 320 ? 640 : 1440 });
      expect(await hasSidewaysScroll(tab), `clip at ${width}`).toBe(false);
    }
    for (const size of SIZES) {
      await tab.setViewportSize(size);
      expect(await hasSidewaysScroll(tab), `clip at ${size.width}`).toBe(false);
      await shoot('clip', size.width, size.width < 900);
    }
    expect(await findings(tab)).toEqual([]);
  });

test('a chosen theme is there at the first paint, and stays', async ({ tab }) => {
  await tab.emulateMedia({ colorScheme: 'dark' });
  await openStudio(tab);
  const paper = () => tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await paper();
  await button(tab, /^Theme/).click(); // dark
  await button(tab, /^Theme/).click(); // light
  const light = await paper();
  expect(light).not.toBe(dark);
  await tab.reload({ waitUntil: 'commit' });
  await tab.waitForSelector('body', { state: 'attached' });
  expect(await paper()).toBe(light);
  await button(tab, 'Theme: light').click();
  expect(await paper()).toBe(dark);
});

test('motion is left out where it is not wanted', async ({ tab }) => {
  await tab.emulateMedia({ reducedMotion: 'reduce' });
  await openStudio(tab);
  await compose(tab, 'a star in space', TINY);
  await button(tab, 'Generate').click();
  await untilClip(tab);
  expect(await tab.locator('video').evaluate((video: HTMLVideoElement) => video.paused)).toBe(true);
  await expect(button(tab, 'Play')).toBeVisible();
});
