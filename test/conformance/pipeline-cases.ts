import type { DeviceTensor, Executor } from '../../src/graph/executor';
import { parseWanConfig, type WanConfig } from '../../src/networks/wan-config';
import { denoise } from '../../src/pipeline/denoise';
import { PromptEncoder } from '../../src/pipeline/prompt-encoder';
import type { DenoiseState, SamplerName } from '../../src/pipeline/types';
import { VelocityModel, type CrossAttention } from '../../src/pipeline/velocity-model';
import type { NoiseSource } from '../../src/sampling/noise';
import type { OpenWeights } from '../../src/weights/open-weights';
import { compare, describeComparison, TOLERANCES, type Arithmetic, type Comparison, type Tolerances } from './comparison';
import { filesIn, foldersWith, golden, readGoldens, readWeights, type FixtureFolder, type Goldens } from './fixture-folder';

/** One comparison of the pipeline with its goldens, to be run on any executor. */
export interface PipelineCase {
  readonly name: string;
  run(executor: Executor, tolerances: Tolerances): Promise<Comparison[]>;
}

interface PipelineConfigFile {
  readonly weights: string;
  readonly guidance: number;
  readonly shift: number;
  readonly padded_to: number;
  readonly runs: Readonly<Record<string, { readonly steps: number; readonly timesteps: readonly number[] }>>;
}

type Shape = readonly [number, number, number, number];

/** Every run (Euler, UniPC, rCM) of every pipeline folder: latents after each step, and the predictions that are stored. */
export async function pipelineCases(folder: FixtureFolder): Promise<PipelineCase[]> {
  const cases: PipelineCase[] = [];
  for (const path of await foldersWith(folder, 'pipeline', 'config.json')) {
    const file = (await folder.readJson(`${path}/config.json`)) as PipelineConfigFile;
    const goldens = await readGoldens(folder, `${path}/golden.safetensors`);
    const { config: json } = (await folder.readJson(`${file.weights}/config.json`)) as { config: unknown };
    const [weightsFile] = await filesIn(folder, file.weights, /^weights\.diffusers\.safetensors$/);
    if (!weightsFile) throw new Error(`${file.weights} has no weights.diffusers.safetensors.`);
    const weights = await readWeights(folder, weightsFile);
    for (const name of Object.keys(file.runs))
      cases.push({
        name: `${path}, ${name}, ${file.runs[name]!.steps} steps`,
        run: (executor, tolerances) => compareRun(executor, tolerances, name, file, goldens, weights, parseWanConfig(json)),
      });
  }
  if (cases.length === 0) throw new Error('There are no pipeline fixtures.');
  return cases;
}

interface PromptFile {
  readonly config: Readonly<Record<string, unknown>>;
  readonly prompts?: readonly { readonly text: string; readonly ids: readonly number[] }[];
}

/** UMT5's whole way from text to states, from GGUF files alone: cleaning, the tokenizer that the file embeds, the encoder layer by layer. */
export async function umt5PromptCases(folder: FixtureFolder): Promise<PipelineCase[]> {
  const cases: PipelineCase[] = [];
  for (const file of await filesIn(folder, 'gguf-file', /\.gguf$/)) {
    const stem = file.slice(0, -'.gguf'.length);
    const { config, prompts = [] } = (await folder.readJson(`${stem}.json`)) as PromptFile;
    const goldens = await readGoldens(folder, `${stem}.golden.safetensors`);
    const weights = await readWeights(folder, file);
    for (const [index, { text, ids }] of prompts.entries())
      cases.push({
        name: `${file}, ${JSON.stringify(text.slice(0, 40))}`,
        run: async (executor, tolerances) => {
          const manifest = { configs: { textEncoder: config }, text: { encoder: 'umt5' as const } };
          const encoder = new PromptEncoder(executor, { manifest, weights: { textEncoder: weights }, tokenizer: weights.metadata });
          try {
            const prompt = await encoder.encode(text, 512);
            return [
              compare('ids', prompt.ids, { data: Float32Array.from(ids) }, { max: 0, absolute: true }),
              compare('states', prompt.states, golden(goldens, `${index}.last_hidden_state`), tolerances.umt5),
            ];
          } finally {
            await encoder.chain.dispose();
          }
        },
      });
  }
  if (cases.length === 0) throw new Error('There are no GGUF files with prompts.');
  return cases;
}

async function compareRun(
  executor: Executor,
  tolerances: Tolerances,
  name: string,
  file: PipelineConfigFile,
  goldens: Goldens,
  weights: OpenWeights,
  config: WanConfig,
): Promise<Comparison[]> {
  const { steps, timesteps } = file.runs[name]!;
  const noise = golden(goldens, 'noise');
  const shape = noise.shape.slice(-4) as unknown as Shape;
  // A run that stores fresh noise uses no guidance.
  const isFewStep = goldens.has(`${name}.step0.fresh`) || name === 'rcm' || name === 'dmd';
  const model = new VelocityModel({ executor, weights, config, merged: true });
  const comparisons: Comparison[] = [];
  const cross: CrossAttention[] = [];
  const states: DenoiseState[] = [];
  try {
    for (const context of ['context.positive', 'context.negative']) {
      const rows = golden(goldens, context).data;
      const padded = new Float32Array(file.padded_to * config.textDim);
      padded.set(rows);
      cross.push(await model.crossAttention(padded));
    }
    const [cond, uncond] = cross as [CrossAttention, CrossAttention];
    await denoise(
      { executor, model, latentRgb: noColours(config.inChannels), sigmaGrids: { euler: 'diffusers', unipc: 'diffusers' } },
      {
        spec: { seed: 0, steps, guidance: isFewStep ? 1 : file.guidance, sampler: name as SamplerName, shift: file.shift },
        shape,
        cond,
        uncond: isFewStep ? undefined : uncond,
        noise: listedNoise([noise.data, ...freshNoise(goldens, name, steps)]),
        onStep: ({ state }) => states.push(state),
      },
    );
    if (states.length !== steps) throw new Error(`${states.length} steps were reported of ${steps}.`);
    for (const [index, { latents }] of states.entries()) {
      const what = `${name}.step${index}.latents`;
      comparisons.push(compare(what, latents.data, golden(goldens, what), tolerances.latents));
    }
    for (let index = 0; index < steps; index++)
      for (const [part, attention] of Object.entries({ cond, uncond })) {
        const expected = goldens.get(`${name}.step${index}.${part}`);
        if (!expected) continue;
        // From the golden state before the step, so that only this prediction is judged.
        const before = index === 0 ? noise : golden(goldens, `${name}.step${index - 1}.latents`);
        const velocity = await predictOnce(executor, model, shape, before.data, timesteps[index]!, undefined, attention);
        comparisons.push(compare(`${name}.step${index}.${part}`, velocity, expected, tolerances.wan));
      }
  } finally {
    for (const tensors of cross) Object.values(tensors).forEach((tensor) => tensor.dispose());
    await model.dispose();
  }
  return comparisons;
}

/** One evaluation of the transformer on host data. */
export async function predictOnce(
  executor: Executor,
  model: VelocityModel,
  shape: Shape,
  latents: Float32Array,
  timestep: number,
  cleanFrames: readonly boolean[] | undefined,
  cross: CrossAttention,
): Promise<Float32Array> {
  const clip = await model.open(shape);
  const input = executor.upload(latents, shape);
  let output: DeviceTensor | undefined;
  try {
    output = await clip.predict(input, timestep, cleanFrames, cross);
    return (await executor.download(output)) as Float32Array;
  } finally {
    output?.dispose();
    input.dispose();
    clip.dispose();
  }
}

/** Given noises, in order. Throws when more are asked for. */
export function listedNoise(values: readonly Float32Array[]): NoiseSource {
  const rest = [...values];
  return {
    next: (count) => {
      const value = rest.shift();
      if (value?.length !== count) throw new Error('Noise was asked for that the goldens do not hold.');
      return value;
    },
  };
}

/** Runs a case; throws with a line per comparison when any is out of its tolerance. `arithmetic` chooses the tolerances. */
export async function checkPipelineCase(pipelineCase: PipelineCase, executor: Executor, arithmetic: Arithmetic = 'f32'): Promise<void> {
  const comparisons = await pipelineCase.run(executor, TOLERANCES[arithmetic]);
  if (comparisons.length === 0) throw new Error(`${pipelineCase.name} compared nothing.`);
  const report = comparisons.map(describeComparison).join('\n');
  if (globalThis.process?.env.KINORA_VERBOSE) console.log(`${pipelineCase.name}\n${report}`);
  if (comparisons.some(({ passed }) => !passed)) throw new Error(`${pipelineCase.name} on ${executor.plan.backend}:\n${report}`);
}

function freshNoise(goldens: Goldens, name: string, steps: number): Float32Array[] {
  return Array.from({ length: steps }, (_, index) => goldens.get(`${name}.step${index}.fresh`)).flatMap((fresh) =>
    fresh ? [fresh.data] : [],
  );
}

/** Previews are not part of these goldens. */
const noColours = (channels: number) => ({ matrix: [0, 0, 0].map(() => new Array<number>(channels).fill(0)), bias: [0, 0, 0] });
