import type { WeightInfo, WeightSource, WeightType } from '../../../src/graph/types';
import type { WanConfig } from '../../../src/networks/wan-config';

/** Wan2.1-T2V-1.3B's block, with as many layers as wanted; reference: its transformer/config.json. */
export function wan13b(layers: number): WanConfig {
  return {
    layers,
    heads: 12,
    headDim: 128,
    dim: 1536,
    ffnDim: 8960,
    inChannels: 16,
    outChannels: 16,
    patch: 2,
    textDim: 4096,
    freqDim: 256,
    eps: 1e-6,
    maxPositions: 1024,
    positionEmbedding: false,
  };
}

const BYTES: Readonly<Partial<Record<WeightType, readonly [weights: number, bytes: number]>>> = {
  F32: [1, 4],
  F16: [1, 2],
  Q8_0: [32, 34],
  Q4_0: [32, 18],
  Q4_K: [256, 144],
  Q6_K: [256, 210],
};

/** Weights of given shapes that are all zero but of the right size: kernels take as long over them. Matrices are of `type`, the rest f32. */
export function syntheticWeights(shapeOf: (name: string) => readonly number[] | undefined, type: WeightType): WeightSource {
  const info = (name: string): WeightInfo => {
    const shape = shapeOf(name);
    if (!shape) throw new Error(`There is no synthetic weight ${name}.`);
    const count = shape.reduce((size, dim) => size * dim, 1);
    const use: WeightType = shape.length === 2 && name.endsWith('.weight') ? type : 'F32';
    const [weights, bytes] = BYTES[use]!;
    return { name, shape, type: use, sizeBytes: (count / weights) * bytes };
  };
  return {
    has: (name) => shapeOf(name) !== undefined,
    info,
    read: async (name) => new Uint8Array(info(name).sizeBytes),
    readF32: async (name) => new Float32Array(info(name).shape.reduce((size, dim) => size * dim, 1)),
  };
}

/** The shapes of a Wan transformer's weights under diffusers' names. */
export function wanShapes({ dim, ffnDim, inChannels, outChannels, patch, textDim, freqDim }: WanConfig) {
  const linears: readonly (readonly [RegExp, number, number])[] = [
    [/time_embedder\.linear_1$/, dim, freqDim],
    [/time_embedder\.linear_2$|text_embedder\.linear_2$|\.to_[qkv]$|\.to_out\.0$/, dim, dim],
    [/time_proj$/, 6 * dim, dim],
    [/text_embedder\.linear_1$/, dim, textDim],
    [/ffn\.net\.0\.proj$/, ffnDim, dim],
    [/ffn\.net\.2$/, dim, ffnDim],
    [/^proj_out$/, patch * patch * outChannels, dim],
  ];
  return (name: string): readonly number[] | undefined => {
    if (name === 'scale_shift_table') return [1, 2, dim];
    if (name.endsWith('scale_shift_table')) return [1, 6, dim];
    if (name === 'patch_embedding.weight') return [dim, inChannels, 1, patch, patch];
    if (name === 'patch_embedding.bias' || /norm\w*\.(weight|bias)$/.test(name)) return [dim];
    const [, layer, part] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
    const found = linears.find(([pattern]) => layer !== undefined && pattern.test(layer));
    return found && (part === 'bias' ? [found[1]] : [found[1], found[2]]);
  };
}
