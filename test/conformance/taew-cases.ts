import type { Executor } from '../../src/graph/executor';
import type { Graph, WeightSource } from '../../src/graph/types';
import { memoryShapes, taewDecoder, taewEncoder } from '../../src/networks/taew';
import { moduleListLayout } from '../../src/networks/module-list-layout';
import { encoderFrames, spatialFactor, taehvLayout, temporalFactor, type TaewLayout } from '../../src/networks/taew-layout';
import { compare, type Comparison, type Tolerances } from './comparison';
import { filesIn, foldersWith, golden, readGoldens, readWeights, type FixtureFolder, type Golden, type Goldens } from './fixture-folder';
import { chainCost, f32, runEach, type HostInputs, type HostOutputs, type NetworkCase } from './network-case';

/** Encoder and decoder of every taew folder, all frames at once and one latent frame at a time; again with each overlay of extra weights. */
export async function taewCases(folder: FixtureFolder): Promise<NetworkCase[]> {
  const cases: NetworkCase[] = [];
  for (const path of await foldersWith(folder, 'taew', 'golden.safetensors')) {
    const goldens = await readGoldens(folder, `${path}/golden.safetensors`);
    const base = await readWeights(folder, `${path}/weights.safetensors`);
    const config = (await folder.readJson(`${path}/config.json`)) as { readonly _class?: string };
    const overlays = await filesIn(folder, path, /^(?!(golden|weights)\.safetensors$)[^/]+\.safetensors$/);
    const sources: [string, WeightSource][] = [[path, base]];
    for (const file of overlays) sources.push([file, layOver(base, await readWeights(folder, file))]);
    for (const [name, weights] of sources) {
      const layout = config._class === 'ModuleListAutoencoder' ? moduleListLayout(config) : taehvLayout(weights);
      for (const direction of ['decoder', 'encoder'] as const) {
        const [input, whole] = direction === 'decoder' ? decoderData(goldens) : encoderData(goldens, layout);
        const make = direction === 'decoder' ? taewDecoder : taewEncoder;
        const size = latentSize(layout, direction, whole.shape);
        cases.push({
          name: `${name}, ${direction}`,
          network: 'taew',
          cost: chainCost([make(weights, layout)], {
            [input]: f32(whole.data, ...whole.shape),
            ...zeroMemories(make(weights, layout), size),
          }),
          run: async (executor, tolerances) => {
            const graph = make(weights, layout, { taps: true });
            const parallel = await run(executor, graph, weights, input, whole, size, whole.shape[0]!);
            const step = direction === 'decoder' ? 1 : temporalFactor(layout);
            const streamed = await run(executor, graph, weights, input, whole, size, step);
            return direction === 'decoder'
              ? [...compareAll(goldens, 'decoder.', parallel, tolerances), ...compareFrames(goldens, parallel, streamed, tolerances)]
              : [...compareAll(goldens, 'encoder.', parallel, tolerances), ...compareEncoded(goldens, parallel, streamed, tolerances)];
          },
        });
      }
    }
  }
  return cases;
}

function decoderData(goldens: Goldens): [string, Golden] {
  return ['latents', golden(goldens, 'latents')];
}

/** The golden video with its missing frames, as the layout adds them. */
function encoderData(goldens: Goldens, layout: TaewLayout): [string, Golden] {
  const video = golden(goldens, 'video');
  const [frames, ...rest] = video.shape as [number, number, number, number];
  const order = encoderFrames(layout, frames);
  const size = video.data.length / frames;
  const data = new Float32Array(order.length * size);
  order.forEach((frame, at) => data.set(video.data.subarray(frame * size, (frame + 1) * size), at * size));
  if (order.length !== golden(goldens, 'video_padded_frames').data[0])
    throw new Error(`${frames} frames are padded to ${order.length}, unlike the golden.`);
  return ['frames', { shape: [order.length, ...rest], data }];
}

function latentSize(layout: TaewLayout, direction: 'decoder' | 'encoder', shape: readonly number[]): { h: number; w: number } {
  const scale = direction === 'decoder' ? 1 : spatialFactor(layout);
  return { h: shape[2]! / scale, w: shape[3]! / scale };
}

function zeroMemories(graph: Graph, { h, w }: { h: number; w: number }): HostInputs {
  const shapes = Object.entries(memoryShapes(graph, h, w));
  return Object.fromEntries(shapes.map(([name, shape]) => [name, f32(new Float32Array(shape.reduce((a, b) => a * b, 1)), ...shape)]));
}

/** Feeds `step` frames at a time, each run's memories going into the next, and joins every output. */
async function run(
  executor: Executor,
  graph: Graph,
  weights: WeightSource,
  input: string,
  { shape, data }: Golden,
  size: { h: number; w: number },
  step: number,
): Promise<HostOutputs> {
  const frame = data.length / shape[0]!;
  const zeros = zeroMemories(graph, size);
  const runs = await runEach(executor, [graph], weights, shape[0]! / step, (index, before) => ({
    ...Object.fromEntries(
      Object.entries(zeros).map(([name, zero]) => [name, f32(before[name] ?? (zero.data as Float32Array), ...zero.shape)]),
    ),
    [input]: f32(data.slice(index * step * frame, (index + 1) * step * frame), step, ...shape.slice(1)),
  }));
  const names = Object.keys(runs[0]!).filter((name) => !name.startsWith('memory.'));
  return Object.fromEntries(names.map((name) => [name, join(runs.map((outputs) => outputs[name]!))]));
}

/** Goldens `decoder.5` and `decoder.7.first2`: whole, or only that many leading frames. */
function compareAll(goldens: Goldens, prefix: string, outputs: HostOutputs, tolerances: Tolerances): Comparison[] {
  return [...goldens.entries()]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, expected]) => compareLeading(name, expected, outputs, tolerances));
}

function compareLeading(name: string, expected: Golden, outputs: HostOutputs, tolerances: Tolerances): Comparison {
  const [, tap, first] = /^(.*?)(?:\.first(\d+))?$/.exec(name) as unknown as [string, string, string | undefined];
  const actual = outputs[tap];
  if (!actual) throw new Error(`The network has nothing to compare with the golden ${name}.`);
  return compare(name, first === undefined ? actual : actual.subarray(0, expected.data.length), expected, tolerances.taewTaps);
}

function compareFrames(goldens: Goldens, parallel: HostOutputs, streamed: HostOutputs, tolerances: Tolerances): Comparison[] {
  const unclamped = [...goldens.entries()].filter(([name]) => name.startsWith('frames_unclamped'));
  return [
    ...unclamped.map(([name, expected]) => compareLeading(name, expected, parallel, tolerances)),
    compare('frames', parallel.frames!, golden(goldens, 'frames'), tolerances.taewFrames),
    compare('frames, streamed', streamed.frames!, golden(goldens, 'frames'), tolerances.taewFrames),
    compare('streamed against parallel', streamed.frames_unclamped!, { data: parallel.frames_unclamped! }, tolerances.streamed),
  ];
}

function compareEncoded(goldens: Goldens, parallel: HostOutputs, streamed: HostOutputs, tolerances: Tolerances): Comparison[] {
  return [
    compare('encoded', parallel.latents!, golden(goldens, 'encoded'), tolerances.taewTaps),
    compare('encoded, streamed', streamed.latents!, golden(goldens, 'encoded'), tolerances.taewTaps),
    compare('streamed against parallel', streamed.latents!, { data: parallel.latents! }, tolerances.streamed),
  ];
}

function join(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Weights of `base`, those of `top` in place of theirs. */
function layOver(base: WeightSource, top: WeightSource): WeightSource {
  const pick = (name: string) => (top.has(name) ? top : base);
  return {
    has: (name) => top.has(name) || base.has(name),
    info: (name) => pick(name).info(name),
    read: (name) => pick(name).read(name),
    readF32: (name) => pick(name).readF32(name),
  };
}
