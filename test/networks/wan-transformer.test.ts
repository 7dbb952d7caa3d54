import { describe, expect, it } from 'vitest';
import { createReferenceExecutor } from '../../src/graph/reference';
import { graphWeights } from '../../src/graph/weights';
import { parseWanConfig, type WanConfig } from '../../src/networks/wan-config';
import { ropeAxisDims, ropeTables, timestepSinusoid } from '../../src/networks/wan-tables';
import { wanContext, wanPlaces, wanStep, wanTokens, type WanStepOptions } from '../../src/networks/wan-transformer';
import { randomNumbers, randomWeights } from '../graph/memory-weights';
import { runGraphs } from './run-graphs';

const JSON_CONFIG = {
  _class_name: 'WanTransformer3DModel',
  patch_size: [1, 2, 2],
  num_attention_heads: 2,
  attention_head_dim: 12,
  in_channels: 4,
  out_channels: 4,
  text_dim: 10,
  freq_dim: 16,
  ffn_dim: 20,
  num_layers: 2,
  cross_attn_norm: true,
  qk_norm: 'rms_norm_across_heads',
  eps: 1e-6,
  rope_max_seq_len: 32,
  added_kv_proj_dim: null,
  image_dim: null,
};
const CONFIG = parseWanConfig(JSON_CONFIG);
const PLACED = parseWanConfig({ ...JSON_CONFIG, rope_position_embedding: true });

function wanShapes(config: WanConfig): Record<string, number[]> {
  const { dim: D, layers, ffnDim, textDim, freqDim, inChannels, outChannels, patch } = config;
  const shapes: Record<string, number[]> = { scale_shift_table: [1, 2, D] };
  const linear = (name: string, out: number, ...rest: number[]) => {
    shapes[`${name}.weight`] = [out, ...rest];
    shapes[`${name}.bias`] = [out];
  };
  linear('patch_embedding', D, inChannels, 1, patch, patch);
  if (config.positionEmbedding)
    for (const [part, width] of Object.entries({
      cos: config.headDim / 2,
      sin: config.headDim / 2,
      travel: 2 * ropeAxisDims(config.headDim)[2],
    }))
      shapes[`position_embedding.${part}.weight`] = [D, width];
  linear('condition_embedder.text_embedder.linear_1', D, textDim);
  linear('condition_embedder.text_embedder.linear_2', D, D);
  linear('condition_embedder.time_embedder.linear_1', D, freqDim);
  linear('condition_embedder.time_embedder.linear_2', D, D);
  linear('condition_embedder.time_proj', 6 * D, D);
  linear('proj_out', outChannels * patch ** 2, D);
  for (let i = 0; i < layers; i++) {
    const b = `blocks.${i}`;
    shapes[`${b}.scale_shift_table`] = [1, 6, D];
    shapes[`${b}.norm2.weight`] = shapes[`${b}.norm2.bias`] = [D];
    for (const attn of ['attn1', 'attn2']) {
      for (const part of ['to_q', 'to_k', 'to_v', 'to_out.0']) linear(`${b}.${attn}.${part}`, D, D);
      shapes[`${b}.${attn}.norm_q.weight`] = shapes[`${b}.${attn}.norm_k.weight`] = [D];
    }
    linear(`${b}.ffn.net.0.proj`, ffnDim, D);
    linear(`${b}.ffn.net.2`, D, ffnDim);
  }
  return shapes;
}

const WEIGHTS = randomWeights(wanShapes(CONFIG), 3);
const PLACED_WEIGHTS = randomWeights(wanShapes(PLACED), 3);
const LATENTS = [4, 3, 4, 6];

async function velocity(
  timesteps: readonly number[],
  options: WanStepOptions,
  latents = randomNumbers(9)(4 * 3 * 4 * 6),
  [config, weights] = [CONFIG, WEIGHTS],
) {
  const executor = createReferenceExecutor();
  const context = await runGraphs(executor, [wanContext(weights, config)], weights, { context: [randomNumbers(4)(70), [7, 10]] });
  const { F, S } = wanTokens(config, LATENTS, options);
  const { cos, sin } = ropeTables(config, 3, 2, 3);
  const rope = { ropeCos: [cos, [F, S, 6]], ropeSin: [sin, [F, S, 6]] } as const;
  const places = wanPlaces(weights, config);
  const shared = { ...context, ...(places ? await runGraphs(executor, [places], weights, rope) : {}) };
  return runGraphs(executor, wanStep(weights, config, options), weights, {
    latents: [latents, LATENTS],
    sinusoid: [timestepSinusoid(timesteps, 16), [F, 16]],
    ...rope,
    ...Object.fromEntries(Object.entries(shared).map(([name, { data, shape }]) => [name, [data, shape] as const])),
  });
}

describe('wanStep', () => {
  it.each([true, false])('gives the same bits as one graph and as a chain, merged %s', async (merged) => {
    const timesteps = merged ? [500] : [0, 250, 999];
    const whole = await velocity(timesteps, { merged, grouping: 'whole' });
    const layers = await velocity(timesteps, { merged, grouping: 'layers' });
    expect(whole.velocity!.shape).toEqual(LATENTS);
    expect(Object.keys(layers)).toEqual(['velocity']);
    expect(layers.velocity!.data).toEqual(whole.velocity!.data);
    expect(Math.hypot(...whole.velocity!.data)).toBeGreaterThan(1);
  });

  it('treats equal timesteps of all frames as one', async () => {
    const merged = await velocity([640], { merged: true, grouping: 'whole' });
    const perFrame = await velocity([640, 640, 640], { merged: false, grouping: 'whole' });
    expect(perFrame.velocity!.data).toEqual(merged.velocity!.data);
    const mixed = await velocity([0, 640, 640], { merged: false, grouping: 'whole' });
    expect(mixed.velocity!.data).not.toEqual(merged.velocity!.data);
  });

  it('tells tokens their place where the configuration says so, as one graph and as a chain', async () => {
    const placed = [PLACED, PLACED_WEIGHTS] as [WanConfig, typeof WEIGHTS];
    // What is alike everywhere: without places, tokens can't tell where they are.
    const same = Float32Array.from({ length: 4 * 3 * 4 * 6 }, (_, i) => Math.floor(i / (3 * 4 * 6)) - 1.5);
    const spread = (data: Float32Array) => {
      const [least, most] = [0, 1].map((end) => {
        const tokens = Array.from({ length: 3 * 2 * 3 }, (_, token) => {
          const [frame, row, column] = [Math.floor(token / 6), Math.floor(token / 3) % 2, token % 3];
          return data[(frame * 4 + 2 * row) * 6 + 2 * column]!;
        });
        return end ? Math.max(...tokens) : Math.min(...tokens);
      }) as [number, number];
      return most - least;
    };
    const unplaced = await velocity([500, 500, 500], { merged: false, grouping: 'whole' }, same);
    const whole = await velocity([500, 500, 500], { merged: false, grouping: 'whole' }, same, placed);
    const layers = await velocity([500, 500, 500], { merged: false, grouping: 'layers' }, same, placed);
    expect(spread(unplaced.velocity!.data as Float32Array)).toBeLessThan(1e-5);
    expect(spread(whole.velocity!.data as Float32Array)).toBeGreaterThan(1e-2);
    expect(layers.velocity!.data).toEqual(whole.velocity!.data);
    expect(() => wanStep(PLACED_WEIGHTS, CONFIG, { merged: true, grouping: 'whole' })).toThrow(/says that it has none/);
  });

  it('loads one block’s weights at a time as a chain', () => {
    const chain = wanStep(WEIGHTS, CONFIG, { merged: true, grouping: 'layers' });
    expect(chain.map(({ name }) => name)).toEqual(['wan.embed', 'wan.block0', 'wan.block1', 'wan.head']);
    expect(graphWeights(chain[1]!).every(({ name }) => name.startsWith('blocks.0.'))).toBe(true);
    const all = [...chain, wanContext(WEIGHTS, CONFIG)].flatMap(graphWeights).map(({ name }) => name);
    expect(all.sort()).toEqual(Object.keys(wanShapes(CONFIG)).sort());
  });

  it('refuses inputs of sizes that the network cannot have', async () => {
    await expect(velocity([1], { merged: true, grouping: 'whole' }, new Float32Array(5))).rejects.toThrow(/5 elements/);
    const executor = createReferenceExecutor();
    await expect(runGraphs(executor, [wanContext(WEIGHTS, CONFIG)], WEIGHTS, { context: [new Float32Array(9), [1, 9]] })).rejects.toThrow(
      /\[1, 9\] where f32 \[L, 10\]/,
    );
    const [embed] = wanStep(WEIGHTS, CONFIG, { merged: true, grouping: 'layers' });
    const odd = { latents: [new Float32Array(4 * 3 * 3 * 6), [4, 3, 3, 6]] as const, sinusoid: [new Float32Array(16), [1, 16]] as const };
    await expect(runGraphs(executor, [embed!], WEIGHTS, odd)).rejects.toThrow(/\[4, 3, 3, 6\] where f32 \[4, T, 2\*h, 2\*w\]/);
  });
});

describe('parseWanConfig', () => {
  it('reads diffusers’ configuration', () => {
    expect(CONFIG).toMatchObject({ layers: 2, heads: 2, headDim: 12, dim: 24, patch: 2, textDim: 10, maxPositions: 32 });
  });

  it.each([
    ['patch_size', [2, 2, 2]],
    ['patch_size', [1, 2, 4]],
    ['qk_norm', 'rms_norm'],
    ['cross_attn_norm', false],
    ['image_dim', 1280],
    ['added_kv_proj_dim', 5120],
    ['num_layers', 0],
    ['eps', 'small'],
    ['text_dim', undefined],
  ])('refuses "%s": %j', (key, value) =>
    expect(() => parseWanConfig({ ...JSON_CONFIG, [key]: value })).toThrow(new RegExp(`"${key}" must be`)),
  );
});
