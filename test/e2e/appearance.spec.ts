import { expect, test } from './fixtures';
import { findings, FOR_DOCS, hasSidewaysScroll, inspect, shoot, THEMES } from './inspect-page';
import { button, compose, openStudio, TINY, untilClip, untilStep } from './studio-page';

test('nothing for axe to find, and nothing cut off, in either theme', async ({ tab }) => {
  test.setTimeout(240_000);
  await openStudio(tab);
  await button(tab, 'Other ideas').waitFor();
  await inspect(tab, 'welcome');

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

  const prompt = 'a robot moves to the right in the city at sunset';
  await compose(tab, prompt, { seed: 3, steps: 80 });
  await button(tab, 'Generate').click();
  await untilStep(tab, FOR_DOCS ? 5 : 1);
  for (const colorScheme of THEMES) {
    await tab.emulateMedia({ colorScheme });
    await shoot(tab, 'running', colorScheme, 1440);
    expect(await findings(tab), `running, ${colorScheme}`).toEqual([]);
  }
  if (!FOR_DOCS) {
    // Any clip looks the same to axe.
    await button(tab, 'Stop').click();
    await expect(tab.getByText(/Stopped after step \d+ of 80/)).toBeVisible();
    expect(await findings(tab), 'stopped').toEqual([]);
    await compose(tab, prompt, { ...TINY, seed: 3 });
    await button(tab, 'Generate').click();
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
  await inspect(tab, 'versions');
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
