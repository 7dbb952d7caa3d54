import AxeBuilder from '@axe-core/playwright';
import { mkdirSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { button, compose, openStudio, TINY, untilClip, untilStep } from './studio-page';

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

async function shoot(page: Page, state: string, theme: string, width: number, fullPage = false): Promise<void> {
  await page.waitForTimeout(250); // colours fade
  await page.screenshot({ path: `${FOLDER}/${state}-${theme}-${width}.jpg`, type: 'jpeg', quality: 74, fullPage });
}

/** Every theme at every size: nothing for axe to find, nothing cut off, a picture of each. */
async function inspect(page: Page, state: string, fullPage: (width: number) => boolean): Promise<void> {
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme });
    for (const size of SIZES) {
      await page.setViewportSize(size);
      expect(await hasSidewaysScroll(page), `${state} at ${size.width}`).toBe(false);
      await shoot(page, state, colorScheme, size.width, fullPage(size.width));
    }
    expect(await findings(page), `${state}, ${colorScheme}`).toEqual([]);
  }
}

test('nothing for axe to find, and nothing cut off, in either theme', async ({ tab }) => {
  test.setTimeout(240_000);
  mkdirSync(FOLDER, { recursive: true });
  await openStudio(tab);
  await button(tab, 'Other ideas').waitFor();
  await inspect(tab, 'welcome', () => false);

  await tab.getByLabel('Prompt', { exact: true }).fill('');
  await button(tab, 'Generate').click(); // the empty prompt's error
  await button(tab, 'More').click();
  await tab.getByLabel('Steps').fill('0');
  await inspect(tab, 'settings', (width) => width < 900);
  await button(tab, 'Back to the defaults').click();
  await button(tab, 'Less').click();
  for (const screen of ['models', 'settings']) {
    await tab.goto(`/#/${screen}`);
    await tab.getByRole('heading', { level: 1, name: screen }).waitFor();
    await inspect(tab, screen === 'settings' ? 'preferences' : screen, (width) => width < 900);
  }
  await tab.goto('/#/');
  await tab.keyboard.press('Control+k');
  await tab.getByRole('combobox', { name: 'Search commands' }).waitFor();
  for (const colorScheme of THEMES) {
    await tab.emulateMedia({ colorScheme });
    await shoot(tab, 'commands', colorScheme, 1440);
    expect(await findings(tab), `palette, ${colorScheme}`).toEqual([]);
  }
  await tab.keyboard.press('Escape');
  for (const panel of ['Presets', 'Prompt history']) {
    await button(tab, panel).click();
    for (const colorScheme of THEMES) {
      await tab.emulateMedia({ colorScheme });
      expect(await findings(tab), `${panel}, ${colorScheme}`).toEqual([]);
    }
    await button(tab, panel).click();
  }
  await button(tab, /^On this device/).click();
  for (const colorScheme of THEMES) {
    await tab.emulateMedia({ colorScheme });
    expect(await findings(tab), `device, ${colorScheme}`).toEqual([]);
  }
  await tab.keyboard.press('Escape');

  await compose(tab, 'a tractor in a meadow at sunset, camera zooms in', { seed: 3, steps: 80 });
  await button(tab, 'Generate').click();
  await untilStep(tab, 5);
  for (const colorScheme of THEMES) {
    await tab.emulateMedia({ colorScheme });
    await shoot(tab, 'running', colorScheme, 1440);
    expect(await findings(tab), `running, ${colorScheme}`).toEqual([]);
  }
  await untilClip(tab);
  await button(tab, 'Pause').click();
  for (const width of [320, 2560]) {
    await tab.setViewportSize({ width, height: width === 320 ? 640 : 1440 });
    expect(await hasSidewaysScroll(tab), `clip at ${width}`).toBe(false);
  }
  await inspect(tab, 'clip', (width) => width < 900);

  await compose(tab, 'a cat in the snow', TINY);
  await tab.getByLabel('Versions').selectOption('3');
  await button(tab, 'Generate').click();
  await expect(button(tab, /^Version \d/)).toHaveCount(3, { timeout: 60_000 });
  await tab.emulateMedia({ reducedMotion: 'reduce' });
  await inspect(tab, 'versions', () => false);
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
