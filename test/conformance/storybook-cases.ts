import type { Executor } from '../../src/graph/executor';
import { parseWanConfig } from '../../src/networks/wan-config';
import { createPipeline } from '../../src/pipeline/create-pipeline';
import { denoise } from '../../src/pipeline/denoise';
import type {
  DenoiseSpec,
  EncodedPrompt,
  Frame,
  KnownFrames,
  Latents,
  Pipeline,
  PipelineConfig,
  PipelineModel,
} from '../../src/pipeline/types';
import { VelocityModel, type CrossAttention } from '../../src/pipeline/velocity-model';
import { fitPrompt } from '../../src/tokenizers/fit-prompt';
import { createWordPiece } from '../../src/tokenizers/wordpiece';
import { compare, TOLERANCES, type Comparison, type Tolerance } from './comparison';
import { golden, type Golden, type Goldens } from './fixture-folder';
import { listedNoise, predictOnce, type PipelineCase } from './pipeline-cases';

/** golden.json of a storybook model, as its exporter writes it. */
export interface StorybookDescription {
  readonly prompts: readonly string[];
  readonly i2v_prompt: string;
  readonly steps: number;
  readonly guidance: number;
  readonly shift: number;
  readonly size: number;
  readonly frames: number;
}

/** How far results may be from goldens that were computed in f32 from f16 weights. */
export interface StorybookTolerances {
  /** The text encoder's states: the goldens come from MiniLM's published f32 weights. */
  readonly context: Tolerance;
  readonly prediction: Tolerance;
  /** After all steps, from the golden context. */
  readonly latents: Tolerance;
  /** After all steps, from the prompt itself. */
  readonly fromPrompt: Tolerance;
  /** 8-bit levels: golden latents decoded; the model's own latents decoded. */
  readonly decoded: Tolerance;
  readonly frames: Tolerance;
  readonly encoded: Tolerance;
}

/**
 * The weights that the goldens were made from, in f32 arithmetic. Only the text encoder's were rounded, to f16, which shows in
 * the context (measured 2.3e-2 / 9.6e-4) and in what follows from it (3.7e-3 / 4.1e-4).
 */
export const EXACT_WEIGHTS: StorybookTolerances = {
  context: { max: 5e-2, rms: 3e-3 },
  prediction: TOLERANCES.f32.wan,
  latents: TOLERANCES.f32.latents,
  fromPrompt: { max: 2e-2, rms: 2e-3 },
  decoded: { max: 1, absolute: true },
  frames: { max: 2, absolute: true },
  encoded: TOLERANCES.f32.wan,
};

export interface StorybookBundle {
  readonly name: string;
  readonly manifest: PipelineConfig;
  readonly weights: PipelineModel['weights'];
  readonly tokenizer: unknown;
  readonly tolerances: StorybookTolerances;
}

export interface StorybookGoldens {
  readonly bundle: StorybookBundle;
  readonly description: StorybookDescription;
  readonly goldens: Goldens;
}

/** Cases with all denoising steps are for fast executors. */
export interface StorybookCase extends PipelineCase {
  readonly isLoop: boolean;
}

/** Every case that the golden file holds: prompts, image-to-video, the encoder; found from its tensors' names. */
export function storybookCases({ bundle, description, goldens }: StorybookGoldens): StorybookCase[] {
  const prompts = new Map<string, string>([...description.prompts.entries()].map(([index, prompt]) => [`${index}`, prompt]));
  prompts.set('i2v', description.i2v_prompt);
  const names = [...goldens.keys()].flatMap((key) => (key.endsWith('.noise') ? [key.slice(0, -'.noise'.length)] : []));
  const encoded = [...goldens.keys()].flatMap((key) =>
    key.endsWith('.frames') && !names.includes(key.slice(0, -7)) ? [key.slice(0, -7)] : [],
  );
  if (names.length === 0 || encoded.length === 0) throw new Error('The golden file holds no clips, or nothing to encode.');
  const clips = names.map((name) => {
    const prompt = prompts.get(name);
    if (prompt === undefined) throw new Error(`golden.json has no prompt for ${name}.`);
    return { name: `${bundle.name}, ${name}`, clip: clipGolden(description, goldens, name, prompt) };
  });
  return [
    ...clips.map(({ name, clip }) => ({
      name: `${name}, pieces`,
      isLoop: false,
      run: (executor: Executor) => comparePieces(executor, bundle, clip),
    })),
    ...encoded.map((name) => ({
      name: `${bundle.name}, ${name}`,
      isLoop: false,
      run: (executor: Executor) => compareEncoder(executor, bundle, goldens, name),
    })),
    ...clips.map(({ name, clip }) => ({
      name: `${name}, all steps`,
      isLoop: true,
      run: (executor: Executor) => compareLoop(executor, bundle, clip),
    })),
  ];
}

/** A clip of the golden file, and everything that its comparisons share. */
interface ClipGolden {
  readonly prompt: string;
  readonly noise: Float32Array;
  readonly shape: Latents['shape'];
  readonly known: KnownFrames | undefined;
  readonly spec: DenoiseSpec;
  expected(part: string): Golden;
  compare(what: string, actual: ArrayLike<number>, part: string, tolerance: Tolerance): Comparison;
}

function clipGolden(
  { size, frames, steps, guidance, shift }: StorybookDescription,
  goldens: Goldens,
  name: string,
  prompt: string,
): ClipGolden {
  const expected = (part: string) => golden(goldens, `${name}.${part}`);
  const noise = expected('noise');
  const shape = noise.shape as Latents['shape'];
  return {
    prompt,
    noise: noise.data,
    shape,
    known: knownFrames(goldens, name, shape),
    spec: { seed: 0, width: size, height: size, frames, steps, guidance, sampler: 'euler', shift },
    expected,
    compare: (what, actual, part, tolerance) => compare(`${name}, ${what}`, actual, expected(part), tolerance),
  };
}

/** Token ids, contexts, the transformer's first outputs from the golden contexts, and the golden latents decoded. */
async function comparePieces(executor: Executor, bundle: StorybookBundle, clip: ClipGolden): Promise<Comparison[]> {
  const { manifest, tolerances } = bundle;
  const comparisons = [
    clip.compare('ids', fitPrompt(createWordPiece(bundle.tokenizer), clip.prompt, manifest.text.length).ids, 'ids', {
      max: 0,
      absolute: true,
    }),
  ];
  await withModel(executor, bundle, clip, async (model, cross) => {
    const start = clip.known ? withKnown(clip.noise, clip.known.latents.data, clip.known.mask, clip.shape) : clip.noise;
    const timestep = 1000 * clip.expected('sigmas').data[0]!;
    for (const [part, attention] of Object.entries({ first_cond: cross.cond, first_uncond: cross.uncond })) {
      const velocity = await predictOnce(executor, model, clip.shape, start, timestep, clip.known?.mask, attention);
      comparisons.push(clip.compare(part, velocity, part, tolerances.prediction));
    }
  });
  await withPipeline(executor, bundle, clip, async (pipeline, context, empty) => {
    comparisons.push(clip.compare('context', context.context, 'context', tolerances.context));
    comparisons.push(clip.compare('context of no prompt', empty.context, 'uncond', tolerances.context));
    const frames = await decodeAll(pipeline.decode({ data: clip.expected('latents').data, shape: clip.shape }));
    comparisons.push(clip.compare('frames of the golden latents', frames, 'frames', tolerances.decoded));
  });
  return comparisons;
}

/** All steps: from the golden contexts, and the whole path from the prompt to frames, as the engine walks it. */
async function compareLoop(executor: Executor, bundle: StorybookBundle, clip: ClipGolden): Promise<Comparison[]> {
  const { manifest, tolerances } = bundle;
  const { spec, shape, known } = clip;
  const comparisons: Comparison[] = [];
  await withModel(executor, bundle, clip, async (model, cross) => {
    const setting = { executor, model, latentRgb: manifest.latentRgb, sigmaData: manifest.sigmaData };
    const latents = await denoise(setting, { spec, shape, known, ...cross, noise: listedNoise([clip.noise]) });
    comparisons.push(clip.compare('latents from the golden context', latents.data, 'latents', tolerances.latents));
  });
  await withPipeline(executor, bundle, clip, async (pipeline, context, uncond) => {
    const latents = await pipeline.denoise({ spec, context, uncond, known, noise: listedNoise([clip.noise]) });
    comparisons.push(clip.compare('latents from the prompt', latents.data, 'latents', tolerances.fromPrompt));
    comparisons.push(clip.compare('frames', await decodeAll(pipeline.decode(latents)), 'frames', tolerances.frames));
  });
  return comparisons;
}

/** The transformer alone, with cross-attention to the golden contexts. */
async function withModel(
  executor: Executor,
  { manifest, weights }: StorybookBundle,
  clip: ClipGolden,
  use: (model: VelocityModel, cross: { cond: CrossAttention; uncond: CrossAttention }) => Promise<void>,
): Promise<void> {
  const config = parseWanConfig(manifest.configs.transformer);
  const model = new VelocityModel({ executor, weights: weights.transformer, config, merged: manifest.timesteps === 'one' });
  const cross: CrossAttention[] = [];
  try {
    for (const part of ['context', 'uncond']) cross.push(await model.crossAttention(clip.expected(part).data));
    await use(model, { cond: cross[0]!, uncond: cross[1]! });
  } finally {
    for (const tensors of cross) Object.values(tensors).forEach((tensor) => tensor.dispose());
    await model.dispose();
  }
}

async function withPipeline(
  executor: Executor,
  bundle: StorybookBundle,
  clip: ClipGolden,
  use: (pipeline: Pipeline, context: EncodedPrompt, empty: EncodedPrompt) => Promise<void>,
): Promise<void> {
  const pipeline = pipelineOf(executor, bundle);
  const prompts: EncodedPrompt[] = [];
  try {
    for (const text of [clip.prompt, '']) prompts.push(await pipeline.encodePrompt(text));
    await use(pipeline, prompts[0]!, prompts[1]!);
  } finally {
    for (const prompt of prompts) prompt.dispose();
    await pipeline.dispose();
  }
}

function pipelineOf(executor: Executor, { manifest, weights, tokenizer }: StorybookBundle): Pipeline {
  return createPipeline({
    executors: { textEncoder: executor, transformer: executor, autoencoder: executor },
    model: { manifest, weights, tokenizer },
  });
}

async function compareEncoder(executor: Executor, bundle: StorybookBundle, goldens: Goldens, name: string): Promise<Comparison[]> {
  const pipeline = pipelineOf(executor, bundle);
  try {
    const { data, shape } = golden(goldens, `${name}.frames`);
    const latents = await pipeline.encodeFrames(framesOf(data, shape));
    return [compare(`${name}.latents`, framesFirst(latents), golden(goldens, `${name}.latents`), bundle.tolerances.encoded)];
  } finally {
    await pipeline.dispose();
  }
}

/** Image-to-video goldens hold the known latents; which frames count shows in the timesteps, one per token. */
function knownFrames(goldens: Goldens, name: string, shape: Latents['shape']): KnownFrames | undefined {
  const latents = goldens.get(`${name}.known`);
  if (!latents) return undefined;
  const timesteps = golden(goldens, `${name}.timesteps`).data;
  const perFrame = timesteps.length / shape[1];
  const mask = Array.from({ length: shape[1] }, (_, frame) =>
    timesteps.subarray(frame * perFrame, (frame + 1) * perFrame).every((value) => value === 0),
  );
  if (!mask.includes(true) || !mask.includes(false)) throw new Error(`${name} does not hold some of its frames.`);
  return { latents: { data: latents.data, shape }, mask };
}

function withKnown(
  noise: Float32Array,
  known: Float32Array,
  mask: readonly boolean[],
  [, frames, height, width]: Latents['shape'],
): Float32Array {
  return noise.map((value, index) => (mask[Math.floor(index / (height * width)) % frames] ? known[index]! : value));
}

/** RGBA frames to [T, 3, H, W], as the goldens are. */
async function decodeAll(frames: AsyncGenerator<Frame>): Promise<Float32Array> {
  const planes: number[] = [];
  for await (const { rgba } of frames)
    for (let colour = 0; colour < 3; colour++) for (let i = colour; i < rgba.length; i += 4) planes.push(rgba[i]!);
  return Float32Array.from(planes);
}

function framesOf(planes: Float32Array, shape: readonly number[]): Frame[] {
  const [count, , height, width] = shape as [number, number, number, number];
  const size = width * height;
  return Array.from({ length: count }, (_, frame) => {
    const rgba = new Uint8ClampedArray(size * 4).fill(255);
    for (let colour = 0; colour < 3; colour++)
      for (let i = 0; i < size; i++) rgba[4 * i + colour] = planes[(frame * 3 + colour) * size + i]!;
    return { width, height, rgba };
  });
}

/** [C, T, h, w] to [T, C, h, w]. */
function framesFirst({ data, shape: [channels, frames, height, width] }: Latents): Float32Array {
  const size = height * width;
  const turned = new Float32Array(data.length);
  for (let c = 0; c < channels; c++)
    for (let t = 0; t < frames; t++)
      turned.set(data.subarray((c * frames + t) * size, (c * frames + t + 1) * size), (t * channels + c) * size);
  return turned;
}
