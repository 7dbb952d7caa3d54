/**
 * `npm run bench`: every figure that docs/performance.md shows, measured in one run on this machine. Prints Markdown; `--write` puts it into
 * docs/performance.md, `--json FILE` writes the raw figures. Parts: visits, clip, networks, budget, sizes (all by default).
 *
 * Ratios between columns of one table are what counts: absolute times move with the machine and with what else runs on it.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { readArguments, UsageError } from './arguments.mjs';
import { measureClip } from './bench/clip.mjs';
import { withModules } from './bench/load-modules.mjs';
import { measureSizes } from './bench/sizes.mjs';
import { clipTable, budgetTable, networkTable, sizeTable, visitTable, wgslSection } from './bench/tables.mjs';
import { measureVisits } from './bench/visit.mjs';
import { DIST, ensureBuilt } from './build.mjs';
import { findPython } from './find-python.mjs';

const PERFORMANCE = 'docs/performance.md';
const FLAGS = {
  threads: { kind: 'whole', min: 1, max: 64, help: 'threads for wasm and PyTorch (default: one per core)' },
  repeats: { kind: 'whole', min: 1, max: 100, help: 'counted runs (default: 5)' },
  write: { kind: 'switch', help: `write the tables into ${PERFORMANCE}` },
  json: { kind: 'text', value: 'FILE', help: 'write the raw figures here' },
};

const PARTS = {
  visits: ({ repeats }) => measureVisits({ repeats }),
  clip: async ({ threads, repeats }) => ({
    exact: await measureClip({ threads, repeats, precision: 'exact' }),
    fast: await measureClip({ threads, repeats, precision: 'fast' }),
  }),
  networks: ({ threads, repeats }) =>
    withModules(async (load) => {
      const { measureNetworks } = await load('/scripts/bench/networks.ts');
      // Before and after: the baseline's own spread shows how quiet the machine was.
      const before = pytorch(threads, repeats);
      const exact = await measureNetworks({ precision: 'exact', threads, repeats: 4 * repeats });
      const fast = await measureNetworks({ precision: 'fast', threads, repeats: 4 * repeats });
      return { before, exact, fast, after: pytorch(threads, repeats) };
    }),
  budget: ({ threads }) =>
    withModules(async (load) => {
      const { measureErrorBudget } = await load('/scripts/bench/error-budget.ts');
      return measureErrorBudget(threads, JSON.parse(readFileSync(`${DIST}/models/storybook/manifest.json`, 'utf8')).defaults);
    }),
  wgsl: async () => ['hardware', 'swiftshader', 'lavapipe'].map(wgsl),
  sizes: async () => measureSizes(DIST),
};

function pytorch(threads, repeats) {
  const python = findPython();
  if (!python) return null;
  const result = spawnSync(python, ['scripts/bench/pytorch.py', '--threads', String(threads), '--repeats', String(4 * repeats)], {
    encoding: 'utf8',
    env: { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' },
  });
  if (result.status !== 0) throw new Error(`The PyTorch baseline failed: ${result.stderr}`);
  return JSON.parse(result.stdout);
}

/** A process for every driver: it is chosen once a process. */
function wgsl(driver) {
  const result = spawnSync(process.execPath, ['scripts/bench/wgsl.mjs', '--driver', driver], { encoding: 'utf8' });
  return {
    driver,
    tables: result.status === 0 ? result.stdout.trim() : null,
    reason: /^\w*Error: .*/m.exec(result.stderr)?.[0] ?? `exit ${result.status}`,
  };
}

function machine(threads) {
  return `${cpus()[0]?.model.trim() ?? 'CPU'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${type()} ${release().split('-')[0]}; ${threads} threads; Node ${process.versions.node}`;
}

async function main() {
  const { values, words } = readArguments(process.argv.slice(2), FLAGS);
  const unknown = words.find((word) => !(word in PARTS));
  if (unknown) throw new UsageError(`There is no part “${unknown}”; parts are ${Object.keys(PARTS).join(', ')}.`);
  const settings = { threads: values.threads ?? Math.min(8, availableParallelism()), repeats: values.repeats ?? 5 };
  await ensureBuilt();
  const figures = {};
  for (const part of words.length > 0 ? words : Object.keys(PARTS)) {
    console.error(`measuring: ${part}`);
    figures[part] = await PARTS[part](settings);
  }
  const tables = [
    `Measured on: ${machine(settings.threads)}.`,
    ...(figures.visits ? [visitTable(figures.visits)] : []),
    ...(figures.clip ? [clipTable(figures.clip)] : []),
    ...(figures.networks ? [networkTable(figures.networks)] : []),
    ...(figures.budget === undefined ? [] : [budgetTable(figures.budget)]),
    ...(figures.wgsl ? [wgslSection(figures.wgsl)] : []),
    ...(figures.sizes ? [sizeTable(figures.sizes)] : []),
  ].join('\n\n');
  console.log(tables);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
  if (values.write) {
    const page = readFileSync(PERFORMANCE, 'utf8');
    writeFileSync(PERFORMANCE, page.replace(/(<!-- bench -->)[\s\S]*(<!-- \/bench -->)/, `$1\n\n${tables}\n\n$2`));
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error instanceof UsageError ? error.message : error);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
