import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dequantize } from '../../src/weights/quantization/dequantize';
import { quantizeQ4_0, quantizeQ8_0 } from '../../src/weights/quantization/quantize';
import { BLOCK_LAYOUTS, type StorageType } from '../../src/weights/quantization/storage-types';
import { findJson, maxDifference } from './json-cases';
import { readSafetensors, type GoldenTensor } from './safetensors-file';

interface BlocksJson {
  readonly types: Readonly<Record<string, { weights_per_block: number; bytes_per_block: number }>>;
}

/** One product rounds once, whatever computes it; sums may be fused or ordered differently (fixtures/README.md). */
const EXACT = new Set(['Q4_0', 'Q5_0', 'Q8_0', 'IQ4_NL', 'F16', 'BF16']);
const QUANTIZERS: Record<string, (values: Float32Array) => Uint8Array> = { Q4_0: quantizeQ4_0, Q8_0: quantizeQ8_0 };

const bits = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);

describe.each(findJson<BlocksJson>('gguf-blocks', 'types'))('$name', ({ name, folder, json }) => {
  const tensors = readSafetensors(readFileSync(`${folder}/${name.split(/[\\/]/).at(-1)!.replace(/json$/, 'safetensors')}`));
  const tensor = (key: string): GoldenTensor => {
    const found = tensors.get(key);
    if (!found) throw new Error(`${name} has no tensor ${key}`);
    return found;
  };

  test.each(Object.entries(json.types))('%s: every block means what ggml says', (type, layout) => {
    const blocks = tensor(`${type}.blocks`).data as Uint8Array;
    const expected = tensor(`${type}.values`).data as Float32Array;
    const known = BLOCK_LAYOUTS[type as StorageType];
    expect(layout.bytes_per_block / known.bytes).toBe(layout.weights_per_block / known.weights);

    // Read at an odd address, as blocks lie in a file.
    const shifted = new Uint8Array(blocks.length + 1);
    shifted.set(blocks, 1);
    const actual = dequantize(type as StorageType, shifted.subarray(1));
    expect(actual.length).toBe(expected.length);
    if (EXACT.has(type)) return expect(bits(actual)).toEqual(bits(expected));
    for (let at = 0; at < expected.length; at += layout.weights_per_block) {
      const block = expected.subarray(at, at + layout.weights_per_block);
      const largest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(maxDifference(actual.subarray(at, at + block.length), block)).toBeLessThanOrEqual(1e-6 * largest);
    }
  });

  test.each([...tensors.keys()].filter((key) => /^quantize\.Q/.test(key)))('%s: quantising gives the same bytes', (key) => {
    const quantize = QUANTIZERS[key.slice('quantize.'.length)];
    expect(quantize, `a quantiser for ${key}`).toBeDefined();
    expect(quantize!(tensor('quantize.source').data as Float32Array)).toEqual(tensor(key).data);
  });
});
