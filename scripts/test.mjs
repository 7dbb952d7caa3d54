/**
 * `npm test`: everything. Fetches a browser where none is installed, builds the page and drives it end to end, then runs the other suites,
 * the training recipe's own tests among them where Python has torch. Fails when any suite fails or runs no test. `npm test -- unit browser` runs only the suites named, one after the other.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ensureBuilt } from './build.mjs';
import { findPython } from './find-python.mjs';
import { ensureBrowser } from './get-browser.mjs';
import { inLanes, run, runTool } from './run.mjs';

const RESULTS = 'test-results';

/**
 * By name, in their order. Each takes the options of `run`, and resolves to its exit code and counts. When everything runs, two lanes take one after the
 * other once the page is built, where there are two cores or more: the page is driven beside what needs one core and no clock; LLVM compiles on one
 * core, and leaves it to the first lane where that watches a clock.
 */
const SUITES = {
  build,
  e2e: playwrightSuite,
  training: trainingSuite,
  check: async (how) => asOne(await run(process.execPath, ['scripts/check.mjs'], how)),
  unit: (how) => vitest('unit', how),
  dawn: (how) => vitest('dawn', how),
  browser: (how) => vitest('browser', how),
  fixtures: (how) => vitest('fixtures', how),
};
const LANES = 2;

const print = (text) => process.stdout.write(text);

/** A command without tests of its own counts as one. */
function asOne(code) {
  return { code, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
}

async function build({ write = print }) {
  rmSync('dist', { recursive: true, force: true });
  try {
    await ensureBuilt((line) => write(`${line}\n`));
    return asOne(0);
  } catch (error) {
    write(`${error.stack}\n`);
    return asOne(1);
  }
}

async function vitest(project, how) {
  const report = `${RESULTS}/${project}.json`;
  const code = await runTool(
    'vitest',
    ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    how,
  );
  const counts = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {};
  return { code, passed: counts.numPassedTests ?? 0, failed: counts.numFailedTests ?? 0, skipped: counts.numPendingTests ?? 0 };
}

async function playwrightSuite(how) {
  const report = `${RESULTS}/e2e.json`;
  const code = await runTool('playwright', ['test', '--reporter=list,json'], {
    ...how,
    env: { ...process.env, PLAYWRIGHT_JSON_OUTPUT_NAME: report },
  });
  const stats = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')).stats : {};
  return { code, passed: stats.expected ?? 0, failed: stats.unexpected ?? 0, skipped: stats.skipped ?? 0 };
}

async function trainingSuite(how) {
  if (!existsSync('training/tests')) return { code: 1, passed: 0 };
  const { write = print } = how;
  const python = findPython();
  if (!python) {
    write('training: skipped, no Python with torch, diffusers and safetensors found (pip install -r training/requirements.txt).\n');
    return { code: 0, passed: 0, skipped: 1 };
  }
  let output = '';
  const code = await run(python, ['-m', 'pytest', '-q', 'training/pack', 'training/tests'], {
    ...how,
    write: (text) => {
      output += text;
      write(text);
    },
  });
  const count = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(output)?.[1] ?? 0);
  return { code, passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
}

const failures = [];
const total = { passed: 0, failed: 0, skipped: 0 };

/** Runs a suite and adds it to the sum. */
async function runSuite(name, how) {
  const { write = print } = how;
  write(`\n=== ${name}\n`);
  const start = performance.now();
  const { code, passed = 0, failed = 0, skipped = 0 } = await SUITES[name](how);
  write(`=== ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${((performance.now() - start) / 1000).toFixed(0)} s\n`);
  if (code !== 0) failures.push(`${name} (exit ${code})`);
  else if (passed + skipped === 0) failures.push(`${name} (ran no test)`);
  total.passed += passed;
  total.failed += code !== 0 && failed === 0 ? 1 : failed;
  total.skipped += skipped;
}

/** A suite beside that of the other lane. What it says is printed whole, when it is done. */
async function runBeside(name, lane) {
  console.log(`… ${name}`);
  let output = '';
  await runSuite(name, { yields: lane > 0, write: (text) => (output += text) });
  print(output);
}

const asked = process.argv.slice(2);
for (const name of asked)
  if (!(name in SUITES)) {
    console.error(`There is no suite “${name}”. Suites: ${Object.keys(SUITES).join(', ')}.`);
    process.exit(2);
  }
rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS, { recursive: true });
const names = asked.length > 0 ? asked : Object.keys(SUITES);
if (names.some((name) => name === 'browser' || name === 'e2e')) console.log(`browser: ${await ensureBrowser()}`);

if (asked.length > 0 || availableParallelism() < LANES) for (const name of names) await runSuite(name, {});
else {
  const [first, ...others] = names;
  await runSuite(first, {});
  await inLanes(others, LANES, runBeside);
}
if (failures.length > 0) console.error(`\nfailed: ${failures.join(', ')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(failures.length > 0 ? 1 : 0);
