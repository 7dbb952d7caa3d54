import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { memorySource } from '../../src/weights/files/byte-source';
import { parseWeightFile } from '../../src/weights/files/parse';
import { canonicalNames } from '../../src/weights/naming';
import { openWeights } from '../../src/weights/open-weights';

const FIXTURES = new URL('../fixtures/', import.meta.url).pathname;
const read = (name: string) => memorySource(readFileSync(join(FIXTURES, name)));
const storedNames = async (name: string) => [...(await parseWeightFile(read(name))).tensors.keys()];

describe('canonical names', () => {
  // The fixtures hold the same values under both naming schemes, so that a wrong pairing shows.
  test.each(readdirSync(join(FIXTURES, 'wan-transformer')))('Wan %s: original and diffusers files are the same weights', async (name) => {
    const original = await openWeights(read(`wan-transformer/${name}/weights.original.safetensors`));
    const diffusers = await openWeights(read(`wan-transformer/${name}/weights.diffusers.safetensors`));
    expect([...original.names].sort()).toEqual(
      await storedNames(`wan-transformer/${name}/weights.diffusers.safetensors`).then((names) => names.sort()),
    );
    for (const weight of diffusers.names) {
      expect(original.info(weight)).toEqual(diffusers.info(weight));
      expect(Buffer.compare(await original.read(weight), await diffusers.read(weight)), weight).toBe(0);
    }
  });

  test('UMT5: llama.cpp and Hugging Face files are the same weights', async () => {
    const llama = await openWeights(read('umt5/weights.llamacpp.safetensors'));
    const hf = await openWeights(read('umt5/weights.hf.safetensors'));
    for (const weight of llama.names) expect(Buffer.compare(await llama.read(weight), await hf.read(weight)), weight).toBe(0);
    expect(hf.names.filter((weight) => !llama.has(weight) && weight !== 'encoder.embed_tokens.weight')).toEqual([]);
    expect(hf.has('shared.weight') && llama.has('shared.weight')).toBe(true);
  });

  test('UMT5 under the names of Wan’s own checkpoint', () => {
    const names = canonicalNames([
      'token_embedding.weight',
      'norm.weight',
      'blocks.0.norm1.weight',
      'blocks.0.attn.q.weight',
      'blocks.11.ffn.gate.0.weight',
      'blocks.3.pos_embedding.embedding.weight',
      'blocks.1.norm2.weight',
    ]);
    expect([...names.keys()]).toEqual([
      'shared.weight',
      'encoder.final_layer_norm.weight',
      'encoder.block.0.layer.0.layer_norm.weight',
      'encoder.block.0.layer.0.SelfAttention.q.weight',
      'encoder.block.11.layer.1.DenseReluDense.wi_0.weight',
      'encoder.block.3.layer.0.SelfAttention.relative_attention_bias.weight',
      'encoder.block.1.layer.1.layer_norm.weight',
    ]);
  });

  test.each(['model.diffusion_model.', 'net.', 'diffusion_model.'])('the prefix %s', (prefix) => {
    const names = canonicalNames([`${prefix}blocks.0.self_attn.q.weight`, `${prefix}blocks.0.modulation`, `${prefix}head.modulation`]);
    expect([...names]).toEqual([
      ['blocks.0.attn1.to_q.weight', `${prefix}blocks.0.self_attn.q.weight`],
      ['blocks.0.scale_shift_table', `${prefix}blocks.0.modulation`],
      ['scale_shift_table', `${prefix}head.modulation`],
    ]);
  });

  test('diffusers’ norm2 stays, the original’s norm3 becomes it', () => {
    expect([...canonicalNames(['blocks.0.norm2.weight', 'blocks.0.attn1.to_q.weight']).keys()]).toEqual([
      'blocks.0.norm2.weight',
      'blocks.0.attn1.to_q.weight',
    ]);
    expect([...canonicalNames(['blocks.0.self_attn.q.weight', 'blocks.0.norm3.bias']).keys()]).toContain('blocks.0.norm2.bias');
  });

  test('a tied UMT5 embedding answers to either name', () => {
    expect(canonicalNames(['encoder.embed_tokens.weight']).get('shared.weight')).toBe('encoder.embed_tokens.weight');
  });

  test('one weight under two names is refused', () => {
    expect(() => canonicalNames(['net.blocks.0.self_attn.q.weight', 'blocks.0.self_attn.q.weight'])).toThrow(/same weight/);
  });
});
