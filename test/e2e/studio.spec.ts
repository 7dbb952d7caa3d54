import { expect, test } from './fixtures';
import { button, compose, makeClip, openStudio, TINY, untilClip, untilStep } from './studio-page';
import { linkTo } from '../../src/app/spec-link';

test('a clip by keyboard alone: palette, prompt, player', async ({ tab }) => {
  await openStudio(tab);
  const { keyboard } = tab;
  await keyboard.press('Control+k');
  await expect(tab.getByRole('combobox', { name: 'Search commands' })).toBeFocused();
  await keyboard.type('storage');
  await keyboard.press('Enter');
  await expect(tab.getByRole('heading', { name: 'Models', level: 1 })).toBeVisible();
  await keyboard.press('Control+k');
  await expect(tab.getByRole('combobox', { name: 'Search commands' })).toBeFocused();
  await keyboard.type('go create');
  await keyboard.press('Enter');

  const prompt = tab.getByLabel('Prompt', { exact: true });
  await prompt.waitFor();
  for (let i = 0; i < 40 && !(await prompt.evaluate((field) => field === document.activeElement)); i += 1) await keyboard.press('Tab');
  await expect(prompt).toBeFocused();
  await keyboard.press('Control+a');
  await keyboard.type('a dog on the beach');
  // On to the length, by its label in the tab order; its shortest.
  const length = tab.getByLabel('Length');
  for (let i = 0; i < 20 && !(await length.evaluate((field) => field === document.activeElement)); i += 1) await keyboard.press('Tab');
  await keyboard.press('Home');
  await keyboard.press('Control+Enter');
  await untilClip(tab);
  const play = tab.getByRole('button', { name: /^(Play|Pause)$/ });
  await expect(play).toBeVisible();
  await keyboard.press('Control+k');
  await expect(tab.getByRole('combobox', { name: 'Search commands' })).toBeFocused();
  await keyboard.press('Escape');
  await expect(tab.getByRole('dialog')).toBeHidden();
});

test('versions stand side by side, wait in a queue that survives a reload, and can be put in order', async ({ tab }) => {
  await openStudio(tab);
  await compose(tab, 'a dog on the beach', { ...TINY, seed: 50 });
  await tab.getByLabel('Versions').selectOption('2');
  await button(tab, 'Generate').click();
  await expect(tab.getByRole('list', { name: 'Side by side' }).getByRole('button')).toHaveCount(2, { timeout: 60_000 });
  await button(tab, /^Version 2, seed 51/).click();
  await expect(tab.locator('.clip')).toContainText(/Seed\s*51/);
  await button(tab, 'All 2').click();
  await expect(tab.getByRole('list', { name: 'Side by side' })).toBeVisible();

  await tab.getByLabel('Versions').selectOption('1');
  await compose(tab, 'a cat\na fox\na cow\na pig', { steps: 100, small: false }); // none ends before it is put in order
  await tab.getByLabel('Every line is a clip').check();
  await button(tab, 'Generate').click();
  const queue = tab.getByRole('region', { name: /^Up next/ });
  await expect(queue.getByRole('listitem')).toHaveCount(3);
  await button(tab, /^Earlier: a pig/).click();
  await button(tab, /^Remove: a fox/).click();
  await expect(queue.getByRole('listitem')).toContainText(['a pig', 'a cow']);
  await untilStep(tab, 1);
  await expect(tab).toHaveTitle(/2 more · Kinora$/);

  await tab.reload();
  await expect(queue.getByRole('listitem')).toContainText(['a pig', 'a cow']);
  await expect(button(tab, 'Add to queue')).toBeEnabled();
  await button(tab, 'Dismiss the unfinished clip').click();
  await button(tab, 'Empty the queue').click();
  await expect(button(tab, 'Generate')).toBeEnabled();
});

test('a prompt is offered in words that the model knows, by their meaning once it is here', async ({ tab }) => {
  await openStudio(tab);
  const prompt = tab.getByLabel('Prompt', { exact: true });
  await prompt.fill('a dog runs on the beach');
  await button(tab, 'Use these words').click(); // a direction needs no model
  await expect(prompt).toHaveValue('a dog runs to the right on the beach');
  await compose(tab, 'a dog on the beach', TINY);
  await makeClip(tab); // the model is here now
  const written = 'A kitten strolls to the left in the woods, zxqv.';
  await prompt.fill(written);
  await expect(tab.locator('#prompt-hints')).toContainText('Never seen: “kitten”');
  await expect(tab.locator('q')).toHaveText(/^A (kitty|cat) walks to the left (in|among) .*(forest|trees), zxqv\.$/, { timeout: 60_000 });
  await expect(tab.locator('#prompt-hints')).toContainText('Never seen: “zxqv”. It may be ignored');
  await button(tab, 'Use these words').click();
  await expect(prompt).toBeFocused();
  await expect(prompt).toHaveValue(/walks to the left/);
  await expect(button(tab, 'Use these words')).toBeHidden();
  await button(tab, 'Take back the words').click();
  await expect(prompt).toHaveValue(written);
});

test('a link brings prompt and settings, once; a damaged one says so', async ({ tab }) => {
  const hash = linkTo({ prompt: 'a red car in the city at night', seed: 77, steps: 9 }, '');
  await tab.goto(`/${hash}`);
  await expect(tab.getByLabel('Prompt', { exact: true })).toHaveValue('a red car in the city at night');
  expect(new URL(tab.url()).hash).toBe('');
  await button(tab, 'More').click();
  await expect(tab.getByLabel('Steps')).toHaveValue('9');
  await expect(tab.getByLabel('Seed', { exact: true })).toHaveValue('77');
  await tab.goto('/#spec=e30');
  await expect(tab.locator('.problem[data-code="invalid-spec"]')).toBeVisible();
  await expect(tab.getByLabel('Prompt', { exact: true })).toHaveValue('a red car in the city at night');
});

test('presets are saved, renamed and applied; prompts come back from the history', async ({ tab }) => {
  await openStudio(tab);
  await button(tab, 'More').click();
  await tab.getByLabel('Steps').fill('3');
  await button(tab, 'Presets').click();
  await tab.getByLabel('Name of a new preset').fill('Quick');
  await tab.keyboard.press('Enter');
  await tab.getByLabel('Steps').fill('20');
  await button(tab, 'Rename Quick').click();
  await tab.getByLabel('New name of Quick').fill('Draft');
  await tab.keyboard.press('Enter');
  await button(tab, 'Apply Draft').click();
  await expect(tab.getByLabel('Steps')).toHaveValue('3');
  await button(tab, 'Delete Draft').click();
  await expect(button(tab, 'Apply Draft')).toBeHidden();
  await button(tab, 'Back to the defaults').click();

  await button(tab, 'Surprise me').click();
  const prompt = tab.getByLabel('Prompt', { exact: true });
  await expect(prompt).not.toHaveValue('');
  await button(tab, 'Prompt history').click();
  const first = tab.getByRole('region', { name: 'Prompt history' }).getByRole('listitem').first();
  const remembered = (await first.textContent())!.trim();
  await first.getByRole('button').click();
  await expect(prompt).toHaveValue(remembered);
});

test('a model is fetched, checked and deleted; then everything is', async ({ firstVisit: page }) => {
  await page.goto('/#/models');
  await button(page, /^Download [\d.]+ MB/).click();
  await expect(page.getByText('The model is on this device, checked.')).toBeVisible({ timeout: 60_000 });
  await button(page, 'Verify Storybook').click();
  await expect(page.getByText('Checked: every byte is as it was published.')).toBeVisible({ timeout: 60_000 });
  await button(page, 'Download again: Storybook').click();
  await expect(page.getByText('Fetched again, and checked.')).toBeVisible({ timeout: 60_000 });
  await button(page, 'Delete… Storybook').click();
  await button(page, 'Delete').click();
  await expect(page.getByText(/Deleted: [\d.]+ MB freed/)).toBeVisible();

  await page.goto('/#/settings');
  await page.getByLabel('Dark', { exact: true }).check();
  await page.getByLabel('Runs on').selectOption('ort-wasm');
  await page.reload();
  await expect(page.getByLabel('Dark', { exact: true })).toBeChecked();
  await expect(page.getByLabel('Runs on')).toHaveValue('ort-wasm');
  await button(page, 'Delete everything…').click();
  await button(page, 'Delete everything').click();
  await expect(page.getByText('Say it. Watch it take shape.')).toBeVisible({ timeout: 30_000 });
  expect(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('kinora.')))).toEqual([]);
});

test('the page stays at hand while a clip is made', async ({ tab }) => {
  await openStudio(tab);
  await compose(tab, 'a dog on the beach', { ...TINY, steps: 12 });
  await makeClip(tab); // everything is loaded and compiled
  const tasks = await tab.evaluateHandle(() => {
    const found: number[] = [];
    new PerformanceObserver((list) => found.push(...list.getEntries().map(({ duration }) => Math.round(duration)))).observe({
      type: 'longtask',
    });
    return found;
  });
  await makeClip(tab);
  const long = await tasks.jsonValue();
  console.log(`long tasks while a clip was made: ${long.join(', ') || 'none'} ms`);
  test.info().annotations.push({ type: 'long tasks', description: `${long.length}, in ms: ${long.join(' ')}` });
  // The goal is 50 ms (measured by `npm run bench visits`); a crowded machine stretches every task, and only a real hold-up this far.
  expect(Math.max(0, ...long), `long tasks: ${long.join(', ')} ms`).toBeLessThan(300);
});
