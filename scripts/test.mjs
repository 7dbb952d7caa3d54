/**
 * `npm test`: everything. Fetches a browser where none is installed, runs the unit tests, the fixtures, the browser tests,
 * builds the page and drives it end to end, then the training recipe's own test where Python has torch. Fails when any suite
 * fails or runs no test. `npm test -- unit browser` runs only the suites named.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { findPython } from './find-python.mjs';
import { ensureBrowser } from './get-browser.mjs';
import { run, runTool } from './run.mjs';

const RESULTS = 'test-results';

const SUITES = {
  check: () => asOne(run(process.execPath, ['scripts/check.mjs'])),
  unit: () => vitest('unit'),
  fixtures: () => vitest('fixtures'),
  dawn: () => vitest('dawn'),
  browser: () => vitest('browser'),
  build: () => asOne(runTool('vite', ['build', '--logLevel', 'warn'])),
  e2e: playwrightSuite,
  training: trainingSuite,
};

/** A command without tests of its own counts as one. */
async function asOne(exit) {
  const code = await exit;
  return { code, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
}

async function vitest(project) {
  const report = `${RESULTS}/${project}.json`;
  const code = await runTool('vitest', [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  const counts = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {};
  return { code, passed: counts.numPassedTests ?? 0, failed: counts.numFailedTests ?? 0, skipped: counts.numPendingTests ?? 0 };
}

async function playwrightSuite() {
  if (!existsSync('dist/index.html')) await SUITES.build();
  const report = `${RESULTS}/e2e.json`;
  const code = await runTool('playwright', ['test', '--reporter=list,json'], {
    env: { ...process.env, PLAYWRIGHT_JSON_OUTPUT_NAME: report },
  });
  const stats = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')).stats : {};
  return { code, passed: stats.expected ?? 0, failed: stats.unexpected ?? 0, skipped: stats.skipped ?? 0 };
}

async function trainingSuite() {
  if (!existsSync('training/tests')) return { code: 1, passed: 0 };
  const python = findPython();
  if (!python) {
    console.log('training: skipped, no Python with torch, diffusers and safetensors found (pip install -r training/requirements.txt).');
    return { code: 0, passed: 0, skipped: 1 };
  }
  const result = spawnSync(python, ['-m', 'pytest', '-q', 'training/pack', 'training/tests'], { encoding: 'utf8', maxBuffer: 1 << 28 });
  process.stdout.write(result.stdout + result.stderr);
  const count = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(result.stdout)?.[1] ?? 0);
  return { code: result.status ?? 1, passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
}

const asked = process.argv.slice(2);
for (const name of asked)
  if (!(name in SUITES)) {
    console.error(`There is no suite “${name}”. Suites: ${Object.keys(SUITES).join(', ')}.`);
    process.exit(2);
  }
const names = asked.length > 0 ? asked : Object.keys(SUITES);
rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS, { recursive: true });
if (names.some((name) => name === 'browser' || name === 'e2e')) console.log(`browser: ${await ensureBrowser()}`);

const failures = [];
const total = { passed: 0, failed: 0, skipped: 0 };
for (const name of names) {
  console.log(`\n=== ${name}`);
  const start = performance.now();
  const { code, passed = 0, failed = 0, skipped = 0 } = await SUITES[name]();
  console.log(`=== ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${((performance.now() - start) / 1000).toFixed(0)} s`);
  if (code !== 0) failures.push(`${name} (exit ${code})`);
  else if (passed + skipped === 0) failures.push(`${name} (ran no test)`);
  total.passed += passed;
  total.failed += code !== 0 && failed === 0 ? 1 : failed;
  total.skipped += skipped;
}
if (failures.length > 0) console.error(`\nfailed: ${failures.join(', ')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(failures.length > 0 ? 1 : 0);
