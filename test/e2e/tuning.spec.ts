import { expect, test } from './fixtures';
import { button, openStudio } from './studio-page';

// A software adapter takes a minute or two for what a graphics card does in seconds.
test.setTimeout(400_000);

test('?tune measures the graphics device, shows and prints the table, and Settings keeps it over a reload', async ({ tab }) => {
  const printed: string[] = [];
  tab.on('console', (message) => message.type() === 'info' && printed.push(message.text()));
  await tab.goto('/?tune');
  const tuning = tab.getByRole('region', { name: 'Measured on this graphics device' });
  await expect(button(tab, 'Stop measuring')).toBeVisible({ timeout: 60_000 });
  await expect(tuning.getByRole('status')).toHaveText(/Kernels: \d+ of \d+ measured/, { timeout: 120_000 });
  await expect(tuning.getByRole('status')).toHaveText(/onnxruntime: \d of 2/, { timeout: 240_000 });
  await expect(button(tab, /^Measure again/)).toBeVisible({ timeout: 300_000 });
  await expect(tuning.getByRole('alert')).toHaveCount(0);

  const rows = tuning.getByRole('row');
  await expect(rows.filter({ hasText: 'gemm.' }).first()).toContainText(/\d+\.\d\d ms/);
  await expect(rows.filter({ hasText: 'attention.' }).first()).toContainText(/\d+\.\d\d ms/);
  await expect(rows.filter({ hasText: 'text encoder' })).toContainText(/\d+\.\d ms/);
  await expect(rows.filter({ hasText: 'autoencoder' })).toContainText(/\d+\.\d ms/);
  const table = printed.find((text) => text.includes('autoencoder: wgsl'))!;
  expect(table).toMatch(/gemm\.\S+ \(\d+ x \d+ x \d+\)\n {2}.+: \d+\.\d{3} ms/);
  expect(table).toMatch(/textEncoder: wgsl \d+\.\d{3} ms, ort-webgpu \d+\.\d{3} ms/);

  const kept = await tuning.getByRole('table').textContent();
  await tab.goto('/');
  await openStudio(tab);
  await tab.getByRole('link', { name: 'Settings' }).click();
  await expect(tuning.getByRole('table')).toHaveText(kept!);
  await expect(button(tab, /^Measure again/)).toBeEnabled();

  // Stopping leaves what was measured before.
  await button(tab, /^Measure again/).click();
  await expect(tuning.getByRole('status')).not.toBeEmpty();
  await button(tab, 'Stop measuring').click();
  await expect(button(tab, /^Measure again/)).toBeVisible({ timeout: 60_000 });
  await expect(tuning.getByRole('alert')).toHaveCount(0);
  await expect(tuning.getByRole('table')).toHaveText(kept!);
});
