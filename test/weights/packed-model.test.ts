import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { memorySource } from '../../src/weights/files/byte-source';
import { fileOfRole, modelSizeBytes, parseManifest, type FileRole } from '../../src/weights/manifest';
import { openWeights } from '../../src/weights/open-weights';

const ROOT = new URL('../../', import.meta.url).pathname;
const FOLDER = `${ROOT}public/models/storybook/`;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const manifest = parseManifest(JSON.parse(readFileSync(`${FOLDER}manifest.json`, 'utf8')));
const open = (role: FileRole) => openWeights(memorySource(readFileSync(FOLDER + fileOfRole(manifest, role).name)));

describe('the bundled model', () => {
  test.each(manifest.files.map((file) => [file.name, file] as const))('%s is the file that the manifest describes', (name, file) => {
    const bytes = readFileSync(FOLDER + name);
    expect(bytes.length).toBe(file.sizeBytes);
    expect(sha256(bytes)).toBe(file.sha256);
    file.chunks.forEach((hash, index) =>
      expect(sha256(bytes.subarray(index * manifest.chunkSizeBytes, (index + 1) * manifest.chunkSizeBytes))).toBe(hash),
    );
  });

  test('every file is one that the packer wrote, with the hash that is committed beside it', () => {
    const sums = new Map(
      readFileSync(`${ROOT}training/pack/SHA256SUMS`, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split('  ').reverse() as [string, string]),
    );
    expect(readdirSync(FOLDER).sort()).toEqual([...sums.keys()].sort());
    for (const [name, sum] of sums) expect(sha256(readFileSync(FOLDER + name)), name).toBe(sum);
  });

  test('it is small enough to ship', () => {
    expect(modelSizeBytes(manifest)).toBeLessThan(64e6);
  });

  test('transformer: block linears are Q8_0, embedders F16, everything small F32', async () => {
    const weights = await open('transformer');
    for (const name of weights.names) {
      const { shape, type } = weights.info(name);
      const expected = shape.length === 1 || name.endsWith('scale_shift_table') ? 'F32' : name.startsWith('blocks.') ? 'Q8_0' : 'F16';
      expect(type, name).toBe(expected);
    }
    const { num_layers: layers, num_attention_heads: heads, attention_head_dim: width } = manifest.configs.transformer;
    expect(weights.names.filter((name) => name.endsWith('attn1.to_q.weight')).length).toBe(layers);
    expect(weights.info('patch_embedding.weight').shape).toEqual([heads * width, manifest.configs.transformer.in_channels, 1, 2, 2]);
  });

  test('autoencoder: convolutions are F16, biases F32', async () => {
    const weights = await open('autoencoder');
    for (const name of weights.names) expect(weights.info(name).type, name).toBe(weights.info(name).shape.length === 4 ? 'F16' : 'F32');
    expect(weights.names.some((name) => name.startsWith('encoder.')) && weights.names.some((name) => name.startsWith('decoder.'))).toBe(
      true,
    );
  });

  test('text encoder: linears and words are Q8_0; there is no pooler', async () => {
    const weights = await open('text-encoder');
    expect(weights.info('embeddings.word_embeddings.weight').type).toBe('Q8_0');
    expect(
      weights.names
        .filter((name) => /dense\.weight|(query|key|value)\.weight/.test(name))
        .every((name) => weights.info(name).type === 'Q8_0'),
    ).toBe(true);
    expect(weights.names.filter((name) => name.startsWith('pooler'))).toEqual([]);
  });

  test('every weight is finite', async () => {
    for (const role of ['transformer', 'autoencoder', 'text-encoder'] as const) {
      const weights = await open(role);
      for (const name of weights.names) expect((await weights.readF32(name)).every(Number.isFinite), name).toBe(true);
    }
  });
});
