/**
 * `npm run bench`: every figure that docs/performance.md shows, measured in one run on this machine. Prints Markdown; `--write` puts it into
 * docs/performance.md, each part between its own marks, `--json FILE` writes the raw figures. Parts: visits, clip, networks, budget, sizes,
 * wgsl, backends (all by default).
 *
 * Ratios between columns of one table are what counts: absolute times move with the machine and with what else runs on it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { readArguments, UsageError } from './arguments.mjs';
import { measureBackends } from './bench/backends/measure.mjs';
import { measureClip } from './bench/clip.mjs';
import { withModules } from './bench/load-modules.mjs';
import { measureSizes } from './bench/sizes.mjs';
import { backendSection, clipTable, budgetTable, networkTable, sizeTable, visitTable, wgslSection } from './bench/tables.mjs';
import { measureVisits } from './bench/visit.mjs';
import { DRIVER_NAMES } from './dawn.mjs';
import { DIST, ensureBuilt } from './build.mjs';
import { findPython } from './find-python.mjs';

const PERFORMANCE = 'docs/performance.md';
const FLAGS = {
  threads: { kind: 'whole', min: 1, max: 64, help: 'threads for wasm and PyTorch (default: one per core)' },
  repeats: { kind: 'whole', min: 1, max: 100, help: 'counted runs (default: 5)' },
  write: { kind: 'switch', help: `write the tables into ${PERFORMANCE}` },
  driver: { kind: 'text', value: 'NAME', help: `for wgsl, one of ${DRIVER_NAMES.join(', ')} (default: each in turn)` },
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
  wgsl: async ({ driver }) => {
    const measured = [];
    for (const name of driver ? [driver] : DRIVER_NAMES) measured.push(await wgsl(name));
    return measured;
  },
  backends: ({ repeats }) => measureBackends({ repeats }),
  sizes: async () => measureSizes(DIST),
};

/** Parts that measure the page as it is built. */
const BUILT = ['visits', 'clip', 'budget', 'sizes'];

/** What the page shows of each part, in its order. */
const SECTIONS = {
  visits: visitTable,
  clip: clipTable,
  networks: networkTable,
  budget: budgetTable,
  wgsl: wgslSection,
  backends: backendSection,
  sizes: sizeTable,
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

/** A process for every driver: it is chosen once a process. What it says of its progress is passed on. */
async function wgsl(driver) {
  const child = spawn(process.execPath, ['scripts/bench/wgsl.mjs', '--driver', driver], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const stream of Object.keys(said)) child[stream].setEncoding('utf8').on('data', (text) => (said[stream] += text));
  child.stderr.pipe(process.stderr);
  const [code] = await once(child, 'close');
  return {
    driver,
    tables: code === 0 ? said.stdout.trim() : null,
    reason: /^\w*Error: .*/m.exec(said.stderr)?.[0] ?? `exit ${code}`,
  };
}

function machine(threads) {
  return `${cpus()[0]?.model.trim() ?? 'CPU'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${type()} ${release().split('-')[0]}; ${threads} threads; Node ${process.versions.node}`;
}

async function main() {
  const { values, words } = readArguments(process.argv.slice(2), FLAGS);
  const unknown = words.find((word) => !(word in PARTS));
  if (unknown) throw new UsageError(`There is no part “${unknown}”; parts are ${Object.keys(PARTS).join(', ')}.`);
  if (values.driver && !DRIVER_NAMES.includes(values.driver))
    throw new UsageError(`There is no driver “${values.driver}”; drivers are ${DRIVER_NAMES.join(', ')}.`);
  const settings = {
    threads: values.threads ?? Math.min(8, availableParallelism()),
    repeats: values.repeats ?? 5,
    driver: values.driver,
  };
  const parts = words.length > 0 ? words : Object.keys(PARTS);
  if (parts.some((part) => BUILT.includes(part))) await ensureBuilt();
  const figures = {};
  for (const part of parts) {
    console.error(`measuring: ${part}`);
    figures[part] = await PARTS[part](settings);
  }
  const machineLine = `Measured on: ${machine(settings.threads)}.`;
  const sections = Object.entries(SECTIONS).flatMap(([part, section]) =>
    figures[part] === undefined ? [] : [{ part, text: section(figures[part]) }],
  );
  console.log([machineLine, ...sections.map(({ text }) => text)].join('\n\n'));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
  if (values.write) {
    let page = readFileSync(PERFORMANCE, 'utf8');
    for (const { part, text } of sections) page = putSection(page, part, `${machineLine}\n\n${text}`);
    writeFileSync(PERFORMANCE, page);
  }
}

/** Puts a part's tables between its marks, `<!-- bench:PART -->`. Throws where the page has none. */
function putSection(page, part, text) {
  const marks = [`<!-- bench:${part} -->`, `<!-- /bench:${part} -->`];
  const [from, to] = marks.map((mark) => page.indexOf(mark));
  if (from < 0 || to < from) throw new Error(`${PERFORMANCE} has no place for ${part}: it needs ${marks.join(' and ')}.`);
  return `${page.slice(0, from)}${marks[0]}\n\n${text}\n\n${page.slice(to)}`;
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error instanceof UsageError ? error.message : error);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
