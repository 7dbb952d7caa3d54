import type { Executor, Precision } from '../../src/graph/executor';
import { createOrtExecutor } from '../../src/backends/ort';
import { createPipeline } from '../../src/pipeline/create-pipeline';
import type { DenoiseSpec, Latents, PipelineModel } from '../../src/pipeline/types';
import { TorchGenerator } from '../../src/sampling/noise';
import { storybookModels } from '../../test/conformance/node-storybook';

/** What each prompt is measured on; subjects, places, looks and moves that the model knows, and one that it does not. */
export const PROMPTS = [
  'a dog jumps on the beach at sunset, camera zooms in',
  'red car drives to the right in the city, pixel art',
  'an astronaut floats up in outer space',
  'a penguin shakes in the snow at night',
  'a butterfly circles in a meadow, flat illustration',
  'a whale rises under water, pencil sketch',
  'a robot spins in the rain, neon',
  'a grand piano plays itself in a cathedral',
];

export interface ClipErrors {
  /** ‖Δ‖ / ‖step‖ of the first guided step, over all prompts: mean and worst. */
  readonly stepErrorMean: number;
  readonly stepErrorWorst: number;
  /** PSNR of decoded frames at the default steps, dB: mean over prompts and the worst prompt. */
  readonly psnrMean: number;
  readonly psnrWorst: number;
}

export interface BudgetRow extends ClipErrors {
  readonly weights: string;
  readonly precision: Precision;
}

/** What a prompt came to on one executor. */
export interface Made {
  /** What the first step changed: latents after it less the noise. */
  readonly step: Float32Array;
  readonly frames: readonly Uint8ClampedArray[];
}

/**
 * Error of the packed weights and of `fast` arithmetic against f32 on the weights as they were trained (f16 file), on onnxruntime's
 * wasm. Null where MiniLM's weights as published are not at hand (KINORA_MINILM).
 */
export async function measureErrorBudget(threads: number, defaults: Omit<DenoiseSpec, 'seed'>): Promise<readonly BudgetRow[] | null> {
  const bundles = (await storybookModels()).map(({ bundle }) => bundle);
  const packed = bundles.find(({ name }) => name.endsWith(', packed'));
  const trained = bundles.find(({ name }) => name === packed?.name.replace('packed', 'f16'));
  if (!trained || !packed) return null;
  const make = async (model: PipelineModel, precision: Precision) => {
    const executor = await createOrtExecutor({ provider: 'wasm', precision, threads });
    try {
      return await makeClips(model, executor, defaults, PROMPTS);
    } finally {
      await executor.dispose();
    }
  };
  const golden = await make(trained, 'exact');
  const rows: BudgetRow[] = [];
  for (const [bundle, precision] of [
    [packed, 'exact'],
    [trained, 'fast'],
    [packed, 'fast'],
  ] as const)
    rows.push({
      weights: bundle === trained ? 'f16' : 'Q8_0',
      precision,
      ...clipErrors(await make(bundle, precision), golden),
    });
  return rows;
}

/** Clips of prompts; the seed is the prompt's number. */
export async function makeClips(
  model: PipelineModel,
  executor: Executor,
  defaults: Omit<DenoiseSpec, 'seed'>,
  prompts: readonly string[],
): Promise<Made[]> {
  const pipeline = createPipeline({ executors: { textEncoder: executor, transformer: executor, autoencoder: executor }, model });
  const made: Made[] = [];
  try {
    const uncond = await pipeline.encodePrompt('');
    for (const [seed, prompt] of prompts.entries()) {
      const context = await pipeline.encodePrompt(prompt);
      const states: Latents[] = [];
      const latents = await pipeline.denoise({
        spec: { ...defaults, seed },
        context,
        uncond,
        onStep: ({ state }) => states.push(state.latents),
      });
      const frames: Uint8ClampedArray[] = [];
      for await (const { rgba } of pipeline.decode(latents)) frames.push(rgba);
      made.push({ step: stepFrom(states[0]!, seed), frames });
      context.dispose();
    }
    uncond.dispose();
  } finally {
    await pipeline.dispose();
  }
  return made;
}

export function clipErrors(actual: readonly Made[], golden: readonly Made[]): ClipErrors {
  const errors = actual.map((made, index) => relativeError(made.step, golden[index]!.step));
  const psnrs = actual.map((made, index) => psnr(made.frames, golden[index]!.frames));
  return { stepErrorMean: mean(errors), stepErrorWorst: Math.max(...errors), psnrMean: mean(psnrs), psnrWorst: Math.min(...psnrs) };
}

function stepFrom({ data }: Latents, seed: number): Float32Array {
  const noise = new TorchGenerator(seed).next(data.length);
  return data.map((value, i) => value - noise[i]!);
}

/** ‖a − b‖ / ‖b‖. */
function relativeError(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** Peak signal-to-noise ratio over the colours of all frames, dB. */
function psnr(a: readonly Uint8ClampedArray[], b: readonly Uint8ClampedArray[]): number {
  let squares = 0;
  let count = 0;
  for (let f = 0; f < b.length; f++)
    for (let i = 0; i < b[f]!.length; i++) {
      if (i % 4 === 3) continue; // alpha
      squares += (a[f]![i]! - b[f]![i]!) ** 2;
      count++;
    }
  return squares === 0 ? Infinity : 10 * Math.log10(255 ** 2 / (squares / count));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
