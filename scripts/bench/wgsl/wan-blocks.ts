import { createWgslExecutor, type WgslExecutor } from '../../../src/backends/wgsl/create-wgsl-executor';
import type { DispatchRecord } from '../../../src/backends/wgsl/submitter';
import type { CompiledGraph } from '../../../src/graph/executor';
import type { HostTensor } from '../../../src/graph/host-tensor';
import { multiplyAdds } from '../../../src/graph/cost';
import type { WanConfig } from '../../../src/networks/wan-config';
import { timestepSinusoid } from '../../../src/networks/wan-tables';
import { wanStep } from '../../../src/networks/wan-transformer';
import { noise } from './roofline';
import { syntheticWeights, wan13b, wanShapes } from './synthetic-weights';
import type { Subject } from './time-graph';

/** Patches of a clip: latent frames by rows by columns. */
type Patches = readonly [frames: number, rows: number, columns: number];

/** What is measured: one layer at these clips, shortest first; several layers, and several steps of one, at the first. */
export interface BlockPlan {
  readonly clips: readonly Patches[];
  readonly layers: readonly number[];
  readonly steps: readonly number[];
  /** A run that is expected to take longer is left out. */
  readonly mostMs: number;
}

export const HARDWARE_BLOCKS: BlockPlan = {
  clips: [
    [1, 16, 16],
    [4, 16, 16], // 1,024 tokens
    [4, 18, 30], // 2,160
    [9, 18, 30], // 4,860: 33 frames of 480 x 288
  ],
  layers: [1, 2, 4],
  steps: [1, 2, 4, 8],
  mostMs: 60_000,
};
export const SOFTWARE_BLOCKS: BlockPlan = {
  clips: [[5, 4, 4], [1, 16, 16], ...HARDWARE_BLOCKS.clips.slice(1)],
  layers: [1, 2, 4],
  steps: [1, 2, 4],
  mostMs: 150_000,
};

/** Where a step's time goes. */
export interface BlockParts {
  readonly linears: number;
  readonly selfAttention: number;
  readonly crossAttention: number;
  readonly rest: number;
}

export interface BlockRow {
  readonly tokens: number;
  readonly layers: number;
  readonly steps: number;
  /** Milliseconds of all steps: the fastest run. Null where it was left out. */
  readonly ms: number | null;
  /** What one run was expected to take, from the row before. */
  readonly expectedMs: number | null;
  /** Of one step, in milliseconds, every dispatch waited for; null where it was not profiled. */
  readonly parts: BlockParts | null;
  /** Operations of all steps, a multiply-add as two. */
  readonly operations: number;
  readonly peakBytes: number;
  readonly plannedBytes: number;
}

/** Rows of prompt: what cross-attention looks at. */
const PROMPT_ROWS = 512;
/** Runs that are expected to be longer than this are timed once, by the profile alone. */
const LONG_MS = 4000;

const LEAST_RUNS = 3;

/** Steps of Wan2.1-1.3B's shape in Q8_0, some of its 30 layers; weights are made up. */
export async function measureWanBlocks(subject: Subject, plan: BlockPlan, budgetMs: number): Promise<BlockRow[]> {
  const rows: BlockRow[] = [];
  for (const layers of plan.layers) {
    const bench = await openBench(subject, layers);
    try {
      const clips = layers === plan.layers[0] ? plan.clips : plan.clips.slice(0, 1);
      // The first use of a kernel compiles it, whatever the driver calls compiling: the shortest clip does that for all.
      const warm = await bench.profile(plan.clips[0]!);
      console.error(`${layers} layers ready: first run ${Math.round(warm.ms)} ms`);
      let before: BlockRow | null = null;
      for (const clip of clips) {
        const expectedMs = before && expect(before, clip);
        if (expectedMs !== null && expectedMs > plan.mostMs) {
          rows.push({ ...bench.sizes(clip), ms: null, expectedMs, parts: null });
          continue;
        }
        before = await bench.measure(clip, expectedMs, budgetMs);
        rows.push(before);
        console.error(`${before.tokens} tokens, ${layers} layers: ${Math.round(before.ms!)} ms`);
      }
      if (layers === plan.layers[0])
        for (const steps of plan.steps.filter((count) => count > 1)) rows.push(await bench.steps(plan.clips[0]!, steps, budgetMs));
    } finally {
      await bench.dispose();
    }
  }
  return rows;
}

/** Attention between tokens grows with their square, everything else in proportion. */
function expect({ tokens, parts }: BlockRow, clip: Patches): number {
  const { linears, selfAttention, crossAttention, rest } = parts!;
  const ratio = tokensOf(clip) / tokens;
  return (linears + crossAttention + rest) * ratio + selfAttention * ratio ** 2;
}

const tokensOf = ([frames, height, width]: Patches) => frames * height * width;

/** A network of so many layers on two executors of one device: one as it is used, one that waits for every dispatch. */
async function openBench(subject: Subject, layers: number) {
  const config = wan13b(layers);
  const weights = syntheticWeights(wanShapes(config), 'Q8_0');
  const graph = wanStep(weights, config, { merged: true, grouping: 'whole' })[0]!;
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
  const sizes = (clip: Patches, steps = 1) => {
    const inputs = inputsOf(config, clip);
    const { weightBytes, intermediateBytes, inputBytes, outputBytes } = profiled.estimateMemory(graph, inputs);
    return {
      tokens: tokensOf(clip),
      layers,
      steps,
      operations: 2 * steps * multiplyAdds(graph, inputs),
      peakBytes: profiled.peakBytes,
      plannedBytes: weightBytes + intermediateBytes + inputBytes + outputBytes,
    };
  };
  const fastest = async (clip: Patches, steps: number, budgetMs: number) => {
    await run(plain, clip, 1);
    let best = Infinity;
    const started = performance.now();
    for (let runs = 0; best < LONG_MS ? runs < LEAST_RUNS || performance.now() - started < budgetMs : runs === 0; runs++)
      best = Math.min(best, await run(plain, clip, steps));
    return best;
  };
  return {
    sizes,
    profile,
    measure: async (clip: Patches, expectedMs: number | null, budgetMs: number): Promise<BlockRow> => {
      const { ms, parts } = await profile(clip);
      const best = ms > LONG_MS ? ms : await fastest(clip, 1, budgetMs);
      return { ...sizes(clip), ms: best, expectedMs, parts };
    },
    steps: async (clip: Patches, steps: number, budgetMs: number): Promise<BlockRow> => ({
      ...sizes(clip, steps),
      ms: await fastest(clip, steps, budgetMs),
      expectedMs: null,
      parts: null,
    }),
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
