import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KinoraError } from '../../src/errors';
import { memorySource, type ByteSource } from '../../src/weights/files/byte-source';
import { parseWeightFile } from '../../src/weights/files/parse';
import { parseShardedSafetensors } from '../../src/weights/files/sharded';
import type { MetadataValue, TensorFile } from '../../src/weights/files/tensor-file';
import { weightsOf } from '../../src/weights/open-weights';
import { dequantize } from '../../src/weights/quantization/dequantize';
import type { StorageType } from '../../src/weights/quantization/storage-types';
import { findJson } from './json-cases';
import { readSafetensors } from './safetensors-file';

interface GgufJson {
  /** Before every stored name, but not before those of `dequantised`. */
  readonly prefix?: string;
  readonly metadata: Record<string, unknown>;
  readonly tensors: Record<string, { type: string; gguf_dims: number[]; shape: number[]; bytes: number; offset_in_file: number }>;
  readonly dequantised: Record<string, { first: number[]; last: number[]; sum_f64: number }>;
}

async function valuesOf(file: TensorFile, name: string): Promise<Float32Array> {
  const tensor = file.tensors.get(name)!;
  return dequantize(tensor.type, await tensor.source.read(tensor.offset, tensor.sizeBytes));
}

/** As the fixtures write metadata: arrays as lists, 64-bit integers beyond 2^53 as texts. */
function asJson(value: MetadataValue | readonly unknown[]): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'object') return Array.from(value as Iterable<MetadataValue>, asJson);
  return value;
}

describe.each(findJson<GgufJson>('gguf-file', 'metadata', 'tensors', 'dequantised'))('$name', ({ folder, name, json }) => {
  const load = () => parseWeightFile(memorySource(readFileSync(join(folder, basename(name).replace(/json$/, 'gguf')))));

  test('metadata of every type', async () => {
    const { metadata } = await load();
    expect([...metadata.keys()].sort()).toEqual(Object.keys(json.metadata).sort());
    for (const [key, expected] of Object.entries(json.metadata)) {
      const actual = asJson(metadata.get(key)!);
      const summary = typeof expected === 'string' ? /^array of (\d+), starting (\[.*\])$/s.exec(expected) : null;
      if (!summary) expect(actual, key).toEqual(expected);
      else {
        expect((actual as unknown[]).length, key).toBe(Number(summary[1]));
        expect((actual as unknown[]).slice(0, 4), key).toEqual(JSON.parse(summary[2]!));
      }
    }
  });

  test('the tensor table', async () => {
    const { tensors } = await load();
    expect([...tensors.keys()].sort()).toEqual(Object.keys(json.tensors).sort());
    for (const [key, expected] of Object.entries(json.tensors)) {
      const { type, shape, sizeBytes, offset } = tensors.get(key)!;
      expect({ type, shape, sizeBytes, offset }, key).toEqual({
        type: expected.type,
        shape: expected.shape,
        sizeBytes: expected.bytes,
        offset: expected.offset_in_file,
      });
    }
  });

  test('values, by their stored names and by their canonical ones', async () => {
    const file = await load();
    for (const [key, expected] of Object.entries(json.dequantised)) {
      const values = await valuesOf(file, (json.prefix ?? '') + key);
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const close = (actual: number, wanted: number) => expect(Math.abs(actual - wanted), key).toBeLessThanOrEqual(1e-6 * largest);
      expected.first.forEach((wanted, i) => close(values[i]!, wanted));
      expected.last.forEach((wanted, i) => close(values[values.length - expected.last.length + i]!, wanted));
      const sum = values.reduce((total, value) => total + value, 0);
      expect(Math.abs(sum - expected.sum_f64), key).toBeLessThanOrEqual(1e-7 * largest * values.length);
    }
    const weights = weightsOf(file);
    expect(weights.names.length).toBe(Object.keys(json.tensors).length);
    for (const name of weights.names)
      expect((await weights.readF32(name)).length).toBe(weights.info(name).shape.reduce((a, b) => a * b, 1));
    // A scheme that was not recognised would leave original names behind.
    expect(weights.names.filter((name) => /self_attn|modulation|^enc\.|^head\.|^model\./.test(name))).toEqual([]);
    for (const [key, shape] of Object.entries(json.metadata).filter(([key]) => key.startsWith('comfy.gguf.orig_shape.')))
      expect(weights.info(key.split('.').slice(-2).join('.')).shape).toEqual(shape);
  });
});

interface FileCase {
  readonly file: string;
  readonly expect: 'loads' | 'refuse' | 'may refuse';
  readonly why?: string;
  readonly tensors?: Record<string, { dtype: string; shape: number[]; values: (number | boolean)[] }>;
}

const TORCH_TYPES: Record<string, StorageType> = {
  uint8: 'U8', int8: 'I8', int16: 'I16', int32: 'I32', int64: 'I64', uint16: 'U16', uint32: 'U32', uint64: 'U64', bool: 'BOOL',
  float16: 'F16', bfloat16: 'BF16', float32: 'F32', float64: 'F64', float8_e4m3fn: 'F8_E4M3', float8_e5m2: 'F8_E5M2',
}; // prettier-ignore

/** A file that refuses to be read in pieces larger than itself: what a parser allocates for is what it reads. */
function watched(bytes: Uint8Array): { source: ByteSource; read: () => number } {
  const inner = memorySource(bytes);
  let total = 0;
  const source: ByteSource = {
    sizeBytes: inner.sizeBytes,
    read: (offset, length) => {
      total += length;
      return inner.read(offset, length);
    },
  };
  return { source, read: () => total };
}

async function parseAny(path: string, bytes: Uint8Array): Promise<{ file: TensorFile; bytesRead: number }> {
  const { source, read } = watched(bytes);
  const shard = async (fileName: string) => {
    const beside = join(dirname(path), fileName);
    return existsSync(beside) ? memorySource(readFileSync(beside)) : null;
  };
  const file = path.endsWith('.index.json') ? await parseShardedSafetensors(source, shard) : await parseWeightFile(source);
  return { file, bytesRead: read() };
}

for (const { name, folder, json } of findJson<{ files: FileCase[] }>('safetensors-file', 'files'))
  describe(name, () => {
    test.each(json.files.map((item) => [item.file, item] as const))('%s', async (file, item) => {
      const path = join(folder, file);
      const bytes = readFileSync(path);
      const started = performance.now();
      const result = await parseAny(path, bytes).catch((thrown: unknown) => thrown);
      expect(performance.now() - started, 'milliseconds').toBeLessThan(1000);
      if (result instanceof Error) {
        expect(result, item.why).toBeInstanceOf(KinoraError);
        expect((result as KinoraError).code).toBe('invalid-file');
        expect(item.expect, result.message).not.toBe('loads');
        return;
      }
      expect(item.expect, item.why).not.toBe('refuse');
      const { file: loaded, bytesRead } = result as { file: TensorFile; bytesRead: number };
      expect(bytesRead).toBeLessThanOrEqual(2 * bytes.length + 16);
      if (!item.tensors) return;
      expect([...loaded.tensors.keys()].sort()).toEqual(Object.keys(item.tensors).sort());
      for (const key of Object.keys(item.tensors)) {
        const wanted = item.tensors[key]!;
        const { type, shape } = loaded.tensors.get(key)!;
        expect({ type, shape }, key).toEqual({ type: TORCH_TYPES[wanted.dtype], shape: wanted.shape });
        expect([...(await valuesOf(loaded, key))], key).toEqual(wanted.values.map((value) => Math.fround(Number(value))));
      }
    });
  });

describe('tables of small floats', () => {
  const path = join(findJson<{ files: FileCase[] }>('safetensors-file', 'files')[0]!.folder, 'float-tables.safetensors');
  const tables = readSafetensors(readFileSync(path));

  test.each([
    ['f8_e4m3', 'byte', 'F8_E4M3', 1],
    ['f8_e5m2', 'byte', 'F8_E5M2', 1],
    ['f16', 'u16', 'F16', 2],
    ['bf16', 'u16', 'BF16', 2],
  ] as const)('%s: NaN, infinity and subnormals included', (values, codes, type, size) => {
    const source = tables.get(codes)!.data;
    const bytes = new Uint8Array(source.length * size);
    source.forEach((code: number, i: number) => {
      bytes[i * size] = code & 255;
      if (size === 2) bytes[i * 2 + 1] = code >> 8;
    });
    expect([...dequantize(type, bytes)]).toEqual([...(tables.get(values)!.data as Float32Array)]);
  });
});
