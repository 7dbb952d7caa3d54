import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createReferenceExecutor } from '../../src/graph/reference';
import { miniLm, miniLmInputs, parseMiniLmConfig, sentenceEmbedding } from '../../src/networks/minilm';
import { memorySource } from '../../src/weights/files/byte-source';
import { openWeights } from '../../src/weights/open-weights';
import { randomWeights } from '../graph/memory-weights';
import { runGraphs } from './run-graphs';

/** Made by make-tiny-bert.py, which says what it is for. */
const TINY = fileURLToPath(new URL('tiny-bert.safetensors', import.meta.url));

describe('MiniLM', () => {
  it('computes what transformers computes', async () => {
    const weights = await openWeights(memorySource(readFileSync(TINY)));
    const config = parseMiniLmConfig(JSON.parse(weights.metadata.get('config') as string));
    const ids = [...(await weights.readF32('golden.ids'))];
    const expected = await weights.readF32('golden.states');
    const inputs = miniLmInputs(config, ids);
    const { states } = await runGraphs(createReferenceExecutor(), [miniLm(weights, config)], weights, {
      ids: [inputs.ids, [ids.length]],
      positions: [inputs.positions, [ids.length]],
    });
    expect(states!.shape).toEqual([ids.length, config.width]);
    // tanh for erf GELU would move it by 1e-3, another token type or position by far more
    expect(Math.max(...states!.data.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-5);
  });

  it('refuses texts of no tokens or too many', () => {
    const config = { width: 4, layers: 1, heads: 1, maxPositions: 3, eps: 1e-12 };
    expect([...miniLmInputs(config, [5, 6, 7]).positions]).toEqual([0, 1, 2]);
    expect(() => miniLmInputs(config, [1, 2, 3, 4])).toThrow(/4 tokens .* takes 1 to 3/);
    expect(() => miniLmInputs(config, [])).toThrow(/takes 1 to 3/);
  });

  it('refuses configurations without code here', () => {
    const json = {
      hidden_size: 4,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      max_position_embeddings: 3,
      layer_norm_eps: 1e-12,
      hidden_act: 'gelu',
    };
    expect(parseMiniLmConfig(json)).toEqual({ width: 4, layers: 1, heads: 1, maxPositions: 3, eps: 1e-12 });
    expect(() => parseMiniLmConfig({ ...json, hidden_act: 'relu' })).toThrow(/"hidden_act" must be "gelu", not "relu"/);
    expect(() => parseMiniLmConfig({ ...json, hidden_size: '4' })).toThrow(/"hidden_size" must be a whole number above 0/);
    expect(() => parseMiniLmConfig(null)).toThrow(/not a JSON object/);
  });

  it('says which weight is missing', () => {
    const config = { width: 4, layers: 1, heads: 1, maxPositions: 3, eps: 1e-12 };
    expect(() => miniLm(randomWeights({}, 1), config)).toThrow(/embeddings.word_embeddings.weight/);
  });
});

describe('sentenceEmbedding', () => {
  it('is the mean of the states, of length 1', () => {
    // means 3 and 4
    expect([...sentenceEmbedding(new Float32Array([1, 5, 5, 3]), 2)].map((x) => Math.fround(x))).toEqual([
      Math.fround(0.6),
      Math.fround(0.8),
    ]);
  });
});
