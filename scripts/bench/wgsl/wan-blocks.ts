import { createWgslExecutor, type WgslExecutor } from '../../../src/backends/wgsl/create-wgsl-executor';
import type { DispatchRecord } from '../../../src/backends/wgsl/submitter';
import type { CompiledGraph } from '../../../src/graph/executor';
import type { HostTensor } from '../../../src/graph/host-tensor';
import { multiplyAdds } from '../../../src/graph/cost';
import type { WanConfig } from '../../../src/networks/wan-config';
import { timestepSinusoid } from '../../../src/networks/wan-tables';
import { wanStep } from '../../../src/networks/wan-transformer';
import type { Workload } from '../network-workloads';
import { noise } from './roofline';
import { syntheticWeights, wan13b, wanShapes } from './synthetic-weights';
import type { Subject } from './time-graph';

/** Patches of a clip: latent frames by rows by columns. */
type Patches = readonly [frames: number, rows: number, columns: number];

/** What is measured: one layer at these clips, shortest first; several layers, and several steps of one, at a small clip. */
export interface BlockPlan {
  readonly clips: readonly Patches[];
  /** A run that is expected to take longer is left out. */
  readonly mostMs: number;
  readonly small: Patches;
  readonly layers: readonly number[];
  readonly steps: readonly number[];
}

const COUNTS = { layers: [1, 2, 4], steps: [1, 2, 4] } as const;
export const HARDWARE_BLOCKS: BlockPlan = {
  ...COUNTS,
  clips: [
    [1, 16, 16],
    [4, 16, 16], // 1,024 tokens
    [4, 18, 30], // 2,160
    [9, 18, 30], // 4,860: 33 frames of 480 x 288
  ],
  mostMs: 60_000,
  small: [1, 16, 16],
};
export const SOFTWARE_BLOCKS: BlockPlan = {
  ...COUNTS,
  clips: [[5, 4, 4], ...HARDWARE_BLOCKS.clips],
  mostMs: 100_000,
  small: [1, 2, 4],
};

/** Where a step's time goes. */
export interface BlockParts {
  readonly linears: number;
  readonly selfAttention: number;
  readonly crossAttention: number;
  readonly rest: number;
}

/** One layer at a number of tokens. */
export interface TokenRow {
  readonly tokens: number;
  /** Milliseconds of a step, the fastest run. Null where it was left out. */
  readonly ms: number | null;
  /** What it was expected to take, from the row before. */
  readonly expectedMs: number | null;
  /** Of one step, in milliseconds, every dispatch waited for; null where it was left out. */
  readonly parts: BlockParts | null;
  /** Operations of a step, a multiply-add as two. */
  readonly operations: number;
  readonly plannedBytes: number;
}

/** Several layers, or several steps, of a small clip; the fastest of interleaved runs. */
export interface CountRow {
  readonly by: 'layers' | 'steps';
  readonly count: number;
  readonly tokens: number;
  readonly ms: number;
}

export interface BlockFigures {
  readonly tokens: readonly TokenRow[];
  readonly counts: readonly CountRow[];
}

/** Rows of prompt: what cross-attention looks at. */
const PROMPT_ROWS = 512;
/** Runs that take longer are timed once. */
export const LONG_MS = 4000;
const ROUNDS = 5;
/** No round of interleaved runs is begun after this long. */
const ROUNDS_MS = 40_000;

/** Steps of Wan2.1-1.3B's shape in Q8_0, some of its 30 layers; weights are made up. */
export async function measureWanBlocks(subject: Subject, plan: BlockPlan): Promise<BlockFigures> {
  return { counts: await measureCounts(subject, plan), tokens: await measureTokens(subject, plan) };
}

/** One layer at the clips of a plan, ready to be timed on any backend. */
export function wanBlockWorkloads({ clips }: BlockPlan): Workload[] {
  const { config, weights, graph } = network(1);
  return clips.map((clip) => ({ name: `Wan 1.3B layer, ${tokensOf(clip)}`, graph, weights, inputs: inputsOf(config, clip) }));
}

async function measureTokens(subject: Subject, { clips, mostMs }: BlockPlan): Promise<TokenRow[]> {
  const bench = openBench(subject, 1);
  const rows: TokenRow[] = [];
  try {
    // The first use of a kernel compiles it, whatever the driver calls compiling: the shortest clip does that for all.
    await bench.profile(clips[0]!);
    let before: TokenRow | undefined;
    for (const clip of clips) {
      const expectedMs = before ? expect(before, clip) : null;
      if (expectedMs !== null && expectedMs > mostMs) {
        rows.push({ ...bench.sizes(clip), ms: null, expectedMs, parts: null });
        continue;
      }
      const { ms, parts } = await bench.profile(clip);
      let best = ms;
      if (ms < LONG_MS) for (let round = 0; round < ROUNDS; round++) best = Math.min(best, await bench.run(clip, 1));
      before = { ...bench.sizes(clip), ms: best, expectedMs, parts };
      rows.push(before);
      console.error(`${before.tokens} tokens: ${Math.round(best)} ms`);
    }
    return rows;
  } finally {
    await bench.dispose();
  }
}

async function measureCounts(subject: Subject, { small, layers, steps }: BlockPlan): Promise<CountRow[]> {
  const benches = layers.map((count) => openBench(subject, count));
  const subjects = [
    ...layers.map((count, index) => ({ by: 'layers' as const, count, run: () => benches[index]!.run(small, 1) })),
    ...steps.map((count) => ({ by: 'steps' as const, count, run: () => benches[0]!.run(small, count) })),
  ];
  const best = subjects.map(() => Infinity);
  try {
    for (const { run } of subjects) await run(); // compiles
    const started = performance.now();
    for (let round = 0; round < ROUNDS && performance.now() - started < ROUNDS_MS; round++)
      for (const [index, { run }] of subjects.entries()) best[index] = Math.min(best[index]!, await run());
    console.error(`layers and steps: ${best.map((ms) => Math.round(ms)).join(', ')} ms`);
  } finally {
    for (const bench of benches) await bench.dispose();
  }
  return subjects.map(({ by, count }, index) => ({ by, count, tokens: tokensOf(small), ms: best[index]! }));
}

/** Attention between tokens grows with their square, everything else in proportion. */
function expect({ tokens, parts }: TokenRow, clip: Patches): number {
  const { linears, selfAttention, crossAttention, rest } = parts!;
  const ratio = tokensOf(clip) / tokens;
  return (linears + crossAttention + rest) * ratio + selfAttention * ratio ** 2;
}

const tokensOf = ([frames, height, width]: Patches) => frames * height * width;

/** So many layers with weights that are all zero. */
function network(layers: number) {
  const config = wan13b(layers);
  const weights = syntheticWeights(wanShapes(config), 'Q8_0');
  return { config, weights, graph: wanStep(weights, config, { merged: true, grouping: 'whole' })[0]! };
}

/** A network of so many layers on two executors of one device: one as it is used, one that waits for every dispatch. */
function openBench(subject: Subject, layers: number) {
  const { config, weights, graph } = network(layers);
  const records: DispatchRecord[] = [];
  const plain = createWgslExecutor(subject);
  const profiled = createWgslExecutor({ ...subject, onDispatch: (record) => records.push(record) });
  const compiled = new Map<WgslExecutor, CompiledGraph>();
  const compile = async (executor: WgslExecutor) => {
    const known = compiled.get(executor) ?? (await executor.compile(graph, weights));
    compiled.set(executor, known);
    return known;
  };
  const run = async (executor: WgslExecutor, clip: Patches, times: number) => {
    const target = await compile(executor);
    const tensors = Object.fromEntries(
      Object.entries(inputsOf(config, clip)).map(([name, { data, shape }]) => [name, executor.upload(data, shape)]),
    );
    await subject.device.queue.onSubmittedWorkDone();
    const started = performance.now();
    for (let i = 0; i < times; i++) for (const output of Object.values(await target.run(tensors))) output.dispose();
    await subject.device.queue.onSubmittedWorkDone();
    const ms = performance.now() - started;
    Object.values(tensors).forEach((tensor) => tensor.dispose());
    return ms;
  };
  const profile = async (clip: Patches): Promise<{ ms: number; parts: BlockParts }> => {
    records.length = 0;
    const ms = await run(profiled, clip, 1);
    return { ms, parts: partsOf(records) };
  };
  return {
    profile,
    /** Milliseconds of so many steps in a row. */
    run: (clip: Patches, steps: number) => run(plain, clip, steps),
    sizes: (clip: Patches) => {
      const inputs = inputsOf(config, clip);
      const { weightBytes, intermediateBytes, inputBytes, outputBytes } = plain.estimateMemory(graph, inputs);
      return {
        tokens: tokensOf(clip),
        operations: 2 * multiplyAdds(graph, inputs),
        plannedBytes: weightBytes + intermediateBytes + inputBytes + outputBytes,
      };
    },
    dispose: async () => {
      for (const graphs of compiled.values()) await graphs.dispose();
      await plain.dispose();
      await profiled.dispose();
    },
  };
}

function partsOf(records: readonly DispatchRecord[]): BlockParts {
  const parts = { linears: 0, selfAttention: 0, crossAttention: 0, rest: 0 };
  for (const { shader, label, ms } of records) {
    const keys = Number(label.split(' ')[1]?.split('x')[1]); // attention's sizes are queries x keys x heads
    if (shader.startsWith('gemm') || shader === 'quantize') parts.linears += ms;
    else if (shader.startsWith('attention')) parts[keys === PROMPT_ROWS ? 'crossAttention' : 'selfAttention'] += ms;
    else parts.rest += ms;
  }
  return parts;
}

function inputsOf(config: WanConfig, clip: Patches): Record<string, HostTensor> {
  const [frames, height, width] = clip;
  const tokens = tokensOf(clip);
  const cross = Array.from({ length: config.layers }, (_, i) => [`crossK.${i}`, `crossV.${i}`]).flat();
  return {
    latents: noise([config.inChannels, frames, 2 * height, 2 * width]),
    sinusoid: { data: timestepSinusoid([500], config.freqDim), shape: [1, config.freqDim], type: 'f32' },
    ropeCos: noise([1, tokens, config.headDim / 2]),
    ropeSin: noise([1, tokens, config.headDim / 2]),
    ...Object.fromEntries(cross.map((name) => [name, noise([PROMPT_ROWS, config.dim])])),
  };
}
