import { describe, expect, it } from 'vitest';
import { createReferenceExecutor } from '../../src/graph/reference';
import type { Graph, WeightSource } from '../../src/graph/types';
import { memoryShapes, taewDecoder, taewEncoder } from '../../src/networks/taew';
import {
  encoderFrames,
  leadingFrames,
  spatialFactor,
  taehvLayout,
  temporalFactor,
  tinyVideoLayout,
  type TaewLayout,
} from '../../src/networks/taew-layout';
import { randomNumbers, randomWeights } from '../graph/memory-weights';
import { runGraphs, type HostInput } from './run-graphs';

const TINY_JSON = {
  _class: 'TinyVideoAutoencoder',
  image_channels: 3,
  latent_channels: 4,
  patch_size: 2,
  encoder_stem: 6,
  encoder_stages: [
    [2, 2, 8, 1],
    [2, 1, 4, 1],
  ],
  decoder_stem: [8, 1],
  decoder_stages: [
    [2, 2, 6, 1],
    [1, 2, 4, 1],
  ],
};

/** Weights for a layout, from the widths of its convolutions in order. */
function weightsFor(layout: TaewLayout, widths: { encoder: readonly number[]; decoder: readonly number[] }, seed: number): WeightSource {
  const shapes: Record<string, number[]> = {};
  for (const name of ['encoder', 'decoder'] as const) {
    const outputs = [...widths[name]];
    let channels = name === 'encoder' ? layout.imageChannels * layout.patch ** 2 : layout.latentChannels;
    layout[name].forEach((module, i) => {
      if (module.kind === 'conv') {
        const out = outputs.shift()!;
        shapes[`${name}.${i}.weight`] = [out, channels, 3, 3];
        if (module.bias) shapes[`${name}.${i}.bias`] = [out];
        channels = out;
      }
      if (module.kind === 'memory-block')
        for (const [part, inputs] of [
          [0, 2 * channels],
          [2, channels],
          [4, channels],
        ] as const) {
          shapes[`${name}.${i}.conv.${part}.weight`] = [channels, inputs, 3, 3];
          shapes[`${name}.${i}.conv.${part}.bias`] = [channels];
        }
      if (module.kind === 'grow') shapes[`${name}.${i}.conv.weight`] = [module.stride * channels, channels, 1, 1];
      if (module.kind === 'pool') shapes[`${name}.${i}.conv.weight`] = [channels, module.stride * channels, 1, 1];
    });
    if (outputs.length > 0) throw new Error(`${outputs.length} widths too many for the ${name}.`);
  }
  return randomWeights(shapes, seed);
}

const LAYOUT = tinyVideoLayout(TINY_JSON);
const WEIGHTS = weightsFor(LAYOUT, { encoder: [6, 8, 4, 4], decoder: [8, 6, 4, 12] }, 5);

/** Feeds frames in parts of the given sizes, and joins what comes out. */
async function feed(
  graph: Graph,
  input: string,
  data: Float32Array,
  shape: readonly number[],
  parts: readonly number[],
  size: readonly [number, number],
) {
  const executor = createReferenceExecutor();
  let memories: Record<string, HostInput> = Object.fromEntries(
    Object.entries(memoryShapes(graph, ...size)).map(([name, s]) => [name, [new Float32Array(s.reduce((a, b) => a * b, 1)), s] as const]),
  );
  const frame = data.length / shape[0]!;
  const out: number[] = [];
  let at = 0;
  for (const part of parts) {
    const outputs = await runGraphs(executor, [graph], WEIGHTS, {
      ...memories,
      [input]: [data.slice(at * frame, (at + part) * frame), [part, ...shape.slice(1)]],
    });
    memories = Object.fromEntries(Object.keys(memories).map((name) => [name, [outputs[name]!.data, outputs[name]!.shape] as const]));
    out.push(...(outputs.frames ?? outputs.latents)!.data);
    at += part;
  }
  return out;
}

describe('layouts', () => {
  it('numbers a TinyVideoAutoencoder’s modules as its Sequential does', () => {
    const kinds = (modules: TaewLayout['decoder']) => modules.map(({ kind }) => kind);
    expect(kinds(LAYOUT.decoder)).toEqual([
      'soft-clamp',
      'conv',
      'relu',
      'memory-block',
      'upsample',
      'grow',
      'conv',
      'memory-block',
      'upsample',
      'grow',
      'conv',
      'memory-block',
      'relu',
      'conv',
    ]);
    expect(kinds(LAYOUT.encoder)).toEqual(['conv', 'relu', 'pool', 'conv', 'memory-block', 'pool', 'conv', 'memory-block', 'conv']);
    expect([temporalFactor(LAYOUT), spatialFactor(LAYOUT), leadingFrames(LAYOUT)]).toEqual([4, 4, 3]);
  });

  it('numbers TAEHV’s modules as published, and reads its patch from the weights', () => {
    const layout = taehvLayout(randomWeights({ 'decoder.1.weight': [8, 48, 3, 3], 'decoder.22.weight': [12, 4, 3, 3] }, 1));
    const at = (name: 'encoder' | 'decoder', kind: string) => layout[name].flatMap((module, i) => (module.kind === kind ? [i] : []));
    expect(at('decoder', 'memory-block')).toEqual([3, 4, 5, 9, 10, 11, 15, 16, 17]);
    expect(at('decoder', 'grow')).toEqual([7, 13, 19]);
    expect(at('decoder', 'conv')).toEqual([1, 8, 14, 20, 22]);
    expect(at('encoder', 'pool')).toEqual([2, 7, 12]);
    expect(at('encoder', 'conv')).toEqual([0, 3, 8, 13, 17]);
    expect(layout).toMatchObject({ latentChannels: 48, patch: 2 });
    expect([temporalFactor(layout), spatialFactor(layout)]).toEqual([4, 16]);
    expect(() => taehvLayout(randomWeights({ 'decoder.1.weight': [8, 16, 3, 3], 'decoder.22.weight': [7, 4, 3, 3] }, 1))).toThrow(
      /not a TAEHV autoencoder/,
    );
  });

  it('completes a clip of 4n + 1 frames where the network expects it', () => {
    expect(encoderFrames(LAYOUT, 5)).toEqual([0, 0, 0, 0, 1, 2, 3, 4]);
    expect(encoderFrames({ ...LAYOUT, encoderPadding: 'last' }, 5)).toEqual([0, 1, 2, 3, 4, 4, 4, 4]);
    expect(encoderFrames(LAYOUT, 1)).toEqual([0, 0, 0, 0]);
    expect(encoderFrames(LAYOUT, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('refuses other configurations', () => {
    expect(() => tinyVideoLayout({ ...TINY_JSON, _class: 'Other' })).toThrow(/"_class" must be "TinyVideoAutoencoder"/);
    expect(() => tinyVideoLayout({ ...TINY_JSON, decoder_stages: [[2, 2, 6]] })).toThrow(/"decoder_stages" must be lists of 4/);
    expect(() => tinyVideoLayout({ ...TINY_JSON, patch_size: 0 })).toThrow(/"patch_size"/);
  });
});

describe('streaming', () => {
  it.each([[[1, 1, 1]], [[2, 1]]])('decodes in parts of %j latent frames to the same bits', async (parts) => {
    const decoder = taewDecoder(WEIGHTS, LAYOUT);
    const latents = randomNumbers(2)(3 * 4 * 3 * 5).map((x) => 4 * x);
    const shape = [3, 4, 3, 5];
    const parallel = await feed(decoder, 'latents', latents, shape, [3], [3, 5]);
    expect(parallel.length).toBe(12 * 3 * 12 * 20);
    expect(await feed(decoder, 'latents', latents, shape, parts, [3, 5])).toEqual(parallel);
    expect(parallel.every((x) => x >= 0 && x <= 1)).toBe(true);
    expect(parallel.filter((x) => x > 0 && x < 1).length).toBeGreaterThan(parallel.length / 4);
  });

  it('encodes four frames at a time to the same bits', async () => {
    const encoder = taewEncoder(WEIGHTS, LAYOUT);
    const frames = randomNumbers(3)(12 * 3 * 8 * 12).map((x) => (x + 1) / 2);
    const shape = [12, 3, 8, 12];
    const parallel = await feed(encoder, 'frames', frames, shape, [12], [2, 3]);
    expect(parallel.length).toBe(3 * 4 * 2 * 3);
    expect(await feed(encoder, 'frames', frames, shape, [4, 4, 4], [2, 3])).toEqual(parallel);
    await expect(feed(encoder, 'frames', frames.slice(0, 6 * 288), [6, 3, 8, 12], [6], [2, 3])).rejects.toThrow(
      /where f32 \[4\*T, 3, 4\*h, 4\*w\]/,
    );
  });

  it('remembers what every memory block saw last', async () => {
    const decoder = taewDecoder(WEIGHTS, LAYOUT);
    expect(memoryShapes(decoder, 3, 5)).toEqual({ 'memory.0': [1, 8, 3, 5], 'memory.1': [1, 6, 6, 10], 'memory.2': [1, 4, 6, 10] });
    // without it the second frame comes out differently
    const latents = randomNumbers(2)(2 * 60);
    const joined = await feed(decoder, 'latents', latents, [2, 4, 3, 5], [2], [3, 5]);
    const alone = await feed(decoder, 'latents', latents.slice(60), [1, 4, 3, 5], [1], [3, 5]);
    expect(joined.slice(joined.length / 2)).not.toEqual(alone);
  });
});
