import { GraphBuilder } from '../graph/builder';
import type { Graph, Value, WeightSource } from '../graph/types';
import type { WeightScope } from '../graph/weight-scope';
import { ConfigReader } from './config-reader';

/*
 * The encoder of UMT5 (Chung et al., UniMax, 2023): T5 v1.1 with a table of relative positions in every layer.
 * As transformers' UMT5EncoderModel computes it and with its weight names. One text at a time, without padding,
 * so that there is no mask. No biases, no attention scale; the residual stays f32 (it overflows f16).
 */

export interface Umt5Config {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly buckets: number;
  readonly maxDistance: number;
  readonly eps: number;
}

/** Reads a UMT5 config.json. Throws `invalid-file` on variants without code here. */
export function parseUmt5Config(json: unknown): Umt5Config {
  const config = new ConfigReader('The text encoder configuration', json);
  config.only('feed_forward_proj', 'gated-gelu');
  return {
    width: config.positiveInteger('d_model'),
    layers: config.positiveInteger('num_layers'),
    heads: config.positiveInteger('num_heads'),
    buckets: config.positiveInteger('relative_attention_num_buckets'),
    maxDistance: config.positiveInteger('relative_attention_max_distance'),
    eps: config.positiveNumber('layer_norm_epsilon'),
  };
}

/**
 * The bucket of a relative position (key − query), bidirectional (Raffel et al., 2019, §2.1): half of the
 * buckets for either sign; in each, small distances have one each and larger ones share them logarithmically up
 * to `maxDistance`: exact + ⌊(n − exact) · log(distance / exact) / log(maxDistance / exact)⌋. Compared in whole
 * numbers, (distance / exact)^(n − exact) ≥ (maxDistance / exact)^k, so that no rounding decides.
 */
export function relativePositionBucket(
  relativePosition: number,
  { buckets, maxDistance }: Pick<Umt5Config, 'buckets' | 'maxDistance'>,
): number {
  const perSign = Math.floor(buckets / 2);
  const exact = Math.floor(perSign / 2);
  const base = relativePosition > 0 ? perSign : 0;
  const distance = Math.abs(relativePosition);
  if (distance < exact) return base + distance;
  if (distance >= maxDistance) return base + perSign - 1;
  const power = BigInt(perSign - exact);
  const reached = (k: bigint) => BigInt(distance) ** power * BigInt(exact) ** k >= BigInt(maxDistance) ** k * BigInt(exact) ** power;
  let k = 0;
  while (k < perSign - exact - 1 && reached(BigInt(k + 1))) k++;
  return base + exact + k;
}

/** The graph's inputs for a text's token ids: ids [L] and buckets [L, L] (row = query, column = key). */
export function umt5Inputs(config: Umt5Config, ids: readonly number[]): { ids: Int32Array; buckets: Int32Array } {
  const length = ids.length;
  const byOffset = Array.from({ length: Math.max(0, 2 * length - 1) }, (_, i) => relativePositionBucket(i - (length - 1), config));
  const buckets = new Int32Array(length * length);
  for (let query = 0; query < length; query++)
    for (let key = 0; key < length; key++) buckets[query * length + key] = byOffset[key - query + length - 1]!;
  return { ids: Int32Array.from(ids), buckets };
}

/**
 * Segments: embedding, each layer, final norm; `hidden` [L, width] is handed on. Inputs `ids` i32 [L] and
 * `buckets` i32 [L, L] → `states` [L, width]. A caller that reads embedding rows itself can leave out the
 * first segment and give `hidden`.
 */
export function umt5(weights: WeightSource, config: Umt5Config, options: { readonly taps?: boolean } = {}): Graph[] {
  const first = new GraphBuilder('umt5.embed', weights, options);
  const embedded = first.weights.embedding(first.input('ids', ['L'], 'i32'), 'shared');
  first.output('hidden', embedded);
  first.tap('embeddings', embedded);

  const layers = Array.from({ length: config.layers }, (_, i) => {
    const g = new GraphBuilder(`umt5.layer${i}`, weights, options);
    const hidden = g.input('hidden', ['L', config.width]);
    const buckets = g.input('buckets', ['L', 'L'], 'i32');
    const out = layer(g, g.weights.at('encoder', 'block', i), config, hidden, buckets);
    g.output('hidden', out);
    g.tap(`hidden.${i}`, out);
    return g.build();
  });

  const last = new GraphBuilder('umt5.final', weights, options);
  last.output('states', last.weights.rmsNorm(last.input('hidden', ['L', config.width]), 'encoder.final_layer_norm', config.eps));
  return [first.build(), ...layers, last.build()];
}

/** Pre-norm layer, [L, width] → [L, width]. */
function layer(g: GraphBuilder, w: WeightScope, { heads, eps }: Umt5Config, x: Value, buckets: Value): Value {
  const attn = w.at('layer', 0);
  const self = attn.at('SelfAttention');
  const h = attn.rmsNorm(x, 'layer_norm', eps);
  const q = self.linear(h, 'q', { bias: false }); // [L, heads · d_kv]
  const k = self.linear(h, 'k', { bias: false });
  const v = self.linear(h, 'v', { bias: false });
  const bias = g.transpose(self.embedding(buckets, 'relative_attention_bias'), [2, 0, 1]); // [L, L, heads] → [heads, L, L]
  x = g.add(x, self.linear(g.attention(q, k, v, { heads, scale: 1 }, bias), 'o', { bias: false }));

  const ff = w.at('layer', 1);
  const dense = ff.at('DenseReluDense');
  const f = ff.rmsNorm(x, 'layer_norm', eps);
  const gated = g.mul(g.gelu(dense.linear(f, 'wi_0', { bias: false }), 'tanh'), dense.linear(f, 'wi_1', { bias: false })); // [L, d_ff]
  return g.add(x, dense.linear(gated, 'wo', { bias: false }));
}
