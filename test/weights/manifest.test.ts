import { describe, expect, test } from 'vitest';
import { chunkSize, fileOfRole, fileUrl, isInRange, type ModelManifest, modelSizeBytes, parseManifest } from '../../src/weights/manifest';
import { makeModel } from './test-model';
import { randomBytes } from './random';

const valid = async () =>
  (await makeModel({ files: { transformer: randomBytes(250, 1), tokenizer: randomBytes(10, 2) }, chunkSizeBytes: 100 })).manifest;

describe('manifest', () => {
  test('a valid one comes back as it is', async () => {
    const manifest = await valid();
    expect(parseManifest(JSON.parse(JSON.stringify(manifest)))).toEqual(manifest);
    const file = fileOfRole(manifest, 'transformer');
    expect([0, 1, 2].map((index) => chunkSize(manifest, file, index))).toEqual([100, 100, 50]);
    expect(modelSizeBytes(manifest)).toBe(260);
    expect(fileUrl(file, 'https://example.org/models/storybook/')).toBe('https://example.org/models/storybook/transformer.bin');
    expect(() => fileOfRole(manifest, 'autoencoder')).toThrow(/autoencoder/);
  });

  type Change = (manifest: ModelManifest) => void;
  test.each<[string, Change, RegExp]>([
    ['another version', (m) => Object.assign(m, { version: 2 }), /version/],
    ['a path for a name', (m) => Object.assign(m.files[0]!, { name: '../secret' }), /files\.0\.name/],
    ['a URL for a name', (m) => Object.assign(m.files[0]!, { name: 'https://elsewhere.example/a' }), /files\.0\.name/],
    ['two files of one role', (m) => Object.assign(m.files[1]!, { role: 'transformer' }), /same role/],
    ['two files of one name', (m) => Object.assign(m.files[1]!, { name: 'transformer.bin' }), /same name/],
    ['too few chunks', (m) => Object.assign(m.files[0]!, { chunks: [] }), /0 chunk hashes/],
    ['a negative size', (m) => Object.assign(m.files[0]!, { sizeBytes: -1 }), /sizeBytes/],
    ['a fractional size', (m) => Object.assign(m.files[0]!, { sizeBytes: 1.5 }), /sizeBytes/],
    ['chunks larger than memory should hold', (m) => Object.assign(m, { chunkSizeBytes: 2 ** 40 }), /chunkSizeBytes/],
    ['a hash that is none', (m) => Object.assign(m.files[0]!, { sha256: 'abc' }), /sha256/],
    ['no files', (m) => Object.assign(m, { files: [] }), /files/],
    ['an unknown role', (m) => Object.assign(m.files[0]!, { role: 'script' }), /role/],
    ['a preview map of another size', (m) => Object.assign(m.latentRgb, { matrix: [[1], [1], [1]] }), /latentRgb/],
    ['defaults outside the limits', (m) => Object.assign(m.defaults, { frames: 18 }), /defaults\.frames/],
    ['a limit upside down', (m) => Object.assign(m.limits.fps, { min: 100 }), /fps/],
  ])('%s is refused, naming the field', async (_, change, reason) => {
    const manifest = structuredClone(await valid());
    change(manifest);
    expect(() => parseManifest(manifest)).toThrow(reason);
    try {
      parseManifest(manifest);
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'invalid-file' });
    }
  });

  test.each([null, [], 'text', 3, {}])('%j is no manifest', (value) => {
    expect(() => parseManifest(value)).toThrow(/manifest/);
  });

  test('ranges with and without steps', () => {
    expect([1, 5, 17, 18, 69, 0].map((value) => isInRange(value, { min: 1, max: 65, step: 4 }))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect([1, 1.37, 20, 20.01].map((value) => isInRange(value, { min: 1, max: 20, step: 0 }))).toEqual([true, true, true, false]);
  });
});
