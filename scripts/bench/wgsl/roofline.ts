import { attentionConfigurations } from '../../../src/backends/wgsl/tuning/attention';
import { convolutionConfigurations } from '../../../src/backends/wgsl/tuning/conv2d';
import { gemmConfigurations, rowClass } from '../../../src/backends/wgsl/tuning/gemm';
import { deviceTraits } from '../../../src/backends/wgsl/tuning/traits';
import { GraphBuilder } from '../../../src/graph/builder';
import type { HostTensor } from '../../../src/graph/host-tensor';
import type { Value, WeightType } from '../../../src/graph/types';
import type { Peaks } from './peaks';
import { syntheticWeights } from './synthetic-weights';
import { timeGraph, type Subject, type Workload } from './time-graph';

/** One kernel in one configuration. */
export interface RooflineRow {
  readonly kernel: string;
  readonly sizes: string;
  readonly configuration: string;
  readonly ms: number;
  /** 1e9 operations a second; null for kernels that only move bytes. */
  readonly gflops: number | null;
  /** Of the adapter's peak in the same arithmetic, or of its copy bandwidth. */
  readonly share: number;
}

/** Sizes that an adapter does in some seconds. */
export interface RooflineSizes {
  readonly rows: number;
  readonly width: number;
  readonly tokens: number;
  readonly heads: number;
  readonly pictures: readonly [frames: number, channels: number, side: number];
}

/** Every kernel that computes, in its configurations (`all`) or its default one, and the ones that are bound by memory. */
export async function measureRoofline(
  subject: Subject,
  peaks: Peaks,
  sizes: RooflineSizes,
  { all, budgetMs }: { readonly all: boolean; readonly budgetMs: number },
): Promise<RooflineRow[]> {
  const traits = deviceTraits(subject.device, subject);
  const rows: RooflineRow[] = [];
  const measure = async (
    kernel: string,
    words: string,
    key: string | null,
    configurations: readonly { readonly name: string; readonly arithmetic?: string }[],
    workload: Workload,
    bytes?: number,
  ) => {
    const chosen = all ? configurations : configurations.slice(0, 1);
    for (const { name, arithmetic = traits.f16 ? 'f16' : 'f32' } of chosen) {
      const { best, operations } = await timeGraph({ ...subject, choices: key ? { [key]: name } : {} }, workload, budgetMs);
      const peak = peaks[arithmetic as 'f32' | 'f16' | 'int8'] ?? peaks.f32;
      rows.push(
        bytes === undefined
          ? { kernel, sizes: words, configuration: name, ms: best, gflops: operations / best / 1e6, share: operations / best / 1e6 / peak }
          : { kernel, sizes: words, configuration: name, ms: best, gflops: null, share: bytes / best / 1e6 / peaks.copy },
      );
    }
  };

  const { rows: m, width, tokens, heads, pictures } = sizes;
  const formats: readonly (readonly [WeightType, string])[] = [
    ['F32', 'f32'],
    ['F16', 'f16'],
    ['Q8_0', 'i8g32'],
    ['Q4_0', 'i4g32'],
    ['Q6_K', 'i8g16'],
    ['Q4_K', 'i4g32'],
  ];
  for (const [type, format] of formats)
    await measure(
      `linear ${type}`,
      `${m} x ${width} x ${width}`,
      `gemm.${format}.${rowClass(m)}`,
      gemmConfigurations(traits, m, type === 'Q8_0'),
      graphOf({ x: [m, width] }, { 'w.weight': [width, width], 'w.bias': [width] }, type, (g, { x }) => g.weights.linear(x!, 'w')),
    );
  for (const dim of [64, 128])
    for (const keys of [tokens, 77])
      await measure(
        keys === tokens ? 'self-attention' : 'cross-attention',
        `${tokens} x ${keys}, ${heads} x ${dim}`,
        `attention.${dim}.${keys <= 512 ? 'short' : 'long'}`,
        attentionConfigurations(traits, dim).map((configuration) => ({
          arithmetic: configuration.kind === 'tiled' ? configuration.arithmetic : 'f32',
          ...configuration,
        })),
        graphOf({ q: [tokens, heads * dim], k: [keys, heads * dim], v: [keys, heads * dim] }, {}, 'F32', (g, { q, k, v }) =>
          g.attention(q!, k!, v!, { heads, scale: dim ** -0.5 }),
        ),
      );
  const [frames, channels, side] = pictures;
  await measure(
    'convolution 3 x 3',
    `${frames} x ${channels} x ${side} x ${side}`,
    'conv2d.3.wide',
    convolutionConfigurations(traits),
    graphOf({ x: [frames, channels, side, side] }, { 'c.weight': [channels, channels, 3, 3], 'c.bias': [channels] }, 'F32', (g, { x }) =>
      g.relu(g.weights.conv2d(x!, 'c')),
    ),
  );
  const once = [{ name: 'one' }];
  await measure(
    'layer norm + modulate',
    `${m} x ${width}`,
    null,
    once,
    graphOf({ x: [1, m, width], shift: [1, 1, width], scale: [1, 1, width] }, {}, 'F32', (g, { x, shift, scale }) =>
      g.modulate(g.layerNorm(x!, 1e-6), shift!, scale!),
    ),
    8 * m * width,
  );
  await measure(
    'rms norm + rope',
    `${m} x ${width}`,
    null,
    once,
    graphOf({ x: [1, m, width], cos: [1, m, 32], sin: [1, m, 32] }, { 'n.weight': [width] }, 'F32', (g, { x, cos, sin }) =>
      g.rope(g.weights.rmsNorm(x!, 'n', 1e-6), cos!, sin!, width / 64),
    ),
    8 * m * width,
  );
  await measure(
    'add',
    `${m} x ${width}`,
    null,
    once,
    graphOf({ a: [m, width], b: [m, width] }, {}, 'F32', (g, { a, b }) => g.add(a!, b!)),
    12 * m * width,
  );
  return rows;
}

function graphOf(
  inputs: Readonly<Record<string, readonly number[]>>,
  weights: Readonly<Record<string, readonly number[]>>,
  type: WeightType,
  build: (g: GraphBuilder, inputs: Record<string, Value>) => Value,
): Workload {
  const source = syntheticWeights((name) => weights[name], type);
  const g = new GraphBuilder('kernel', source);
  g.output('y', build(g, Object.fromEntries(Object.entries(inputs).map(([name, shape]) => [name, g.input(name, shape)]))));
  return {
    graph: g.build(),
    weights: source,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, shape]) => [name, noise(shape)])),
  };
}

/** Numbers between -1 and 1, the same ones every time. */
export function noise(shape: readonly number[]): HostTensor {
  const data = Float32Array.from({ length: shape.reduce((size, dim) => size * dim, 1) }, (_, i) => Math.sin(i * 12.9898));
  return { data, shape, type: 'f32' };
}
