import { describe, expect, it } from 'vitest';
import { createReferenceExecutor } from '../../src/graph/reference';
import { parseUmt5Config, relativePositionBucket, umt5, umt5Inputs } from '../../src/networks/umt5';
import { randomWeights } from '../graph/memory-weights';
import { runGraphs } from './run-graphs';

const JSON_CONFIG = {
  d_model: 8,
  num_layers: 2,
  num_heads: 2,
  relative_attention_num_buckets: 32,
  relative_attention_max_distance: 128,
  layer_norm_epsilon: 1e-6,
  feed_forward_proj: 'gated-gelu',
};
const CONFIG = parseUmt5Config(JSON_CONFIG);

function shapes(): Record<string, number[]> {
  const all: Record<string, number[]> = { 'shared.weight': [20, 8], 'encoder.final_layer_norm.weight': [8] };
  for (let i = 0; i < 2; i++) {
    const b = `encoder.block.${i}.layer`;
    // heads · d_kv = 6 is not d_model: nothing may assume that it is
    for (const part of ['q', 'k', 'v']) all[`${b}.0.SelfAttention.${part}.weight`] = [6, 8];
    all[`${b}.0.SelfAttention.o.weight`] = [8, 6];
    all[`${b}.0.SelfAttention.relative_attention_bias.weight`] = [32, 2];
    all[`${b}.0.layer_norm.weight`] = all[`${b}.1.layer_norm.weight`] = [8];
    for (const part of ['wi_0', 'wi_1']) all[`${b}.1.DenseReluDense.${part}.weight`] = [12, 8];
    all[`${b}.1.DenseReluDense.wo.weight`] = [8, 12];
  }
  return all;
}

describe('relativePositionBucket', () => {
  const bucket = (position: number) => relativePositionBucket(position, CONFIG);

  it('has a bucket for every distance below 8, then shared ones, on either side', () => {
    expect([0, -1, -7, -8, 1, 7, 8].map(bucket)).toEqual([0, 1, 7, 8, 17, 23, 24]);
    // 8 · 2^(k/2): 11.3, 16, 22.6, 32, 45.3, 64, 90.5
    expect([11, 12, 15, 16, 22, 23, 31, 32, 45, 46, 63, 64, 90, 91, 128, 5000].map((d) => bucket(-d))).toEqual([
      8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 15,
    ]);
    expect(bucket(128)).toBe(31);
  });

  it('makes a matrix of key − query', () => {
    expect([...umt5Inputs(CONFIG, [4, 5, 6]).buckets]).toEqual([0, 17, 18, 1, 0, 17, 2, 1, 0]);
    expect(umt5Inputs(CONFIG, [])).toEqual({ ids: new Int32Array(0), buckets: new Int32Array(0) });
  });
});

describe('umt5', () => {
  const weights = randomWeights(shapes(), 8);

  it('encodes in segments, one per layer', async () => {
    const graphs = umt5(weights, CONFIG);
    expect(graphs.map(({ name }) => name)).toEqual(['umt5.embed', 'umt5.layer0', 'umt5.layer1', 'umt5.final']);
    const ids = [3, 1, 4, 1];
    const inputs = umt5Inputs(CONFIG, ids);
    const executor = createReferenceExecutor();
    const buckets = [inputs.buckets, [4, 4]] as const;
    const { states } = await runGraphs(executor, graphs, weights, { ids: [inputs.ids, [4]], buckets });
    expect(states!.shape).toEqual([4, 8]);
    // the same id in another place has another state: positions count
    expect(states!.data.subarray(8, 16)).not.toEqual(states!.data.subarray(24, 32));
    // rows of the embedding can come from the caller
    const table = await weights.readF32('shared.weight');
    const rows = Float32Array.from(ids.flatMap((id) => [...table.subarray(id * 8, id * 8 + 8)]));
    const given = await runGraphs(executor, graphs.slice(1), weights, { hidden: [rows, [4, 8]], buckets });
    expect(given.states!.data).toEqual(states!.data);
  });

  it('refuses other feed-forwards', () => {
    expect(() => parseUmt5Config({ ...JSON_CONFIG, feed_forward_proj: 'relu' })).toThrow(/"feed_forward_proj" must be "gated-gelu"/);
  });
});
