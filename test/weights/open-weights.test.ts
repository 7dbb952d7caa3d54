import { describe, expect, test } from 'vitest';
import { KinoraError } from '../../src/errors';
import { blobSource, memorySource, type ByteSource } from '../../src/weights/files/byte-source';
import { parseWeightFile } from '../../src/weights/files/parse';
import { readRows, readRowsF32 } from '../../src/graph/weights';
import { openShardedWeights, openWeights } from '../../src/weights/open-weights';

type Parts = Record<string, { dtype: string; shape: number[]; bytes: Uint8Array }>;

function safetensors(parts: Parts): Uint8Array<ArrayBuffer> {
  let at = 0;
  const header = Object.fromEntries(
    Object.entries(parts).map(([name, { dtype, shape, bytes }]) => [name, { dtype, shape, data_offsets: [at, (at += bytes.length)] }]),
  );
  const json = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + at);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  let to = 8 + json.length;
  for (const { bytes } of Object.values(parts)) {
    file.set(bytes, to);
    to += bytes.length;
  }
  return file;
}

const f32 = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

/** A GGUF v3 of one F32 tensor with one i32-array metadata value. */
function gguf(tensor: string, dims: number[], key: string, array: number[]): Uint8Array {
  const bytes: number[] = [];
  const u32 = (value: number) => bytes.push(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >>> 24) & 255);
  const u64 = (value: number) => (u32(value), u32(0));
  const text = (value: string) => (u64(value.length), bytes.push(...new TextEncoder().encode(value)));
  bytes.push(...new TextEncoder().encode('GGUF'));
  u32(3);
  u64(1);
  u64(1);
  text(key);
  u32(9);
  u32(5);
  u64(array.length);
  array.forEach(u32);
  text(tensor);
  u32(dims.length);
  [...dims].reverse().forEach(u64);
  u32(0);
  u64(0);
  const pad = () => {
    while (bytes.length % 32) bytes.push(0);
  };
  pad();
  bytes.push(...f32(...Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i)));
  pad();
  return Uint8Array.from(bytes);
}

describe('openWeights', () => {
  test('an fp8 weight and its scale are one f32 weight, under either name of the scale', async () => {
    for (const scaleName of ['scale_weight', 'weight_scale']) {
      const weights = await openWeights(
        memorySource(
          safetensors({
            scaled_fp8: { dtype: 'F8_E4M3', shape: [0], bytes: new Uint8Array(0) },
            'a.weight': { dtype: 'F8_E4M3', shape: [1, 2], bytes: Uint8Array.of(0x38, 0xc0) }, // 1, -2
            [`a.${scaleName}`]: { dtype: 'F32', shape: [], bytes: f32(0.25) },
            'a.input_scale': { dtype: 'F32', shape: [1], bytes: f32(9) },
            'b.weight': { dtype: 'F8_E4M3', shape: [1], bytes: Uint8Array.of(0x38) },
          }),
        ),
      );
      expect(weights.names).toEqual(['a.weight', 'b.weight']);
      expect(weights.info('a.weight')).toEqual({ name: 'a.weight', shape: [1, 2], type: 'F32', sizeBytes: 8 });
      expect(await weights.readF32('a.weight')).toEqual(Float32Array.of(0.25, -0.5));
      expect(await weights.read('a.weight')).toEqual(f32(0.25, -0.5));
      const rows = { first: 1, count: 1, rows: 2 }; // of [2, 1]
      expect(await readRows(weights, 'a.weight', rows)).toEqual(f32(-0.5));
      expect(await readRowsF32(weights, 'a.weight', rows)).toEqual(Float32Array.of(-0.5));
      expect(weights.info('b.weight').type).toBe('F8_E4M3');
      expect(await weights.readF32('b.weight')).toEqual(Float32Array.of(1));
    }
  });

  test.each([
    ['without its weight', { 'a.scale_weight': { dtype: 'F32', shape: [], bytes: f32(1) } }],
    [
      'of many numbers',
      { 'a.weight': { dtype: 'F32', shape: [2], bytes: f32(1, 2) }, 'a.scale_weight': { dtype: 'F32', shape: [2], bytes: f32(1, 2) } },
    ],
    [
      'twice',
      {
        'a.weight': { dtype: 'F32', shape: [1], bytes: f32(1) },
        'a.scale_weight': { dtype: 'F32', shape: [], bytes: f32(1) },
        'a.weight_scale': { dtype: 'F32', shape: [], bytes: f32(1) },
      },
    ],
  ])('a scale %s is refused', async (_, parts) => {
    await expect(openWeights(memorySource(safetensors(parts)))).rejects.toMatchObject({ code: 'invalid-file' });
  });

  test('a flattened tensor gets its shape back; a shape that does not fit is refused', async () => {
    const key = 'comfy.gguf.orig_shape.net.patch_embedding.weight';
    const weights = await openWeights(memorySource(gguf('net.patch_embedding.weight', [2, 4], key, [2, 1, 1, 2, 2])));
    expect(weights.info('patch_embedding.weight').shape).toEqual([2, 1, 1, 2, 2]);
    expect(await weights.readF32('patch_embedding.weight')).toEqual(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7));
    for (const shape of [[2, 3], [-2, -4], [], [8, 1, 1, 1, 1, 1, 1, 1, 1]])
      await expect(openWeights(memorySource(gguf('net.patch_embedding.weight', [2, 4], key, shape)))).rejects.toMatchObject({
        code: 'invalid-file',
      });
  });

  test.each([256, 384, 3])('rows of %d are read alone, and are those of the whole', async (columns) => {
    const values = Array.from({ length: 4 * columns }, (_, i) => i);
    const source = memorySource(safetensors({ a: { dtype: 'F32', shape: [4, columns], bytes: f32(...values) } }));
    const read: number[] = [];
    const weights = await openWeights({
      ...source,
      sizeBytes: source.sizeBytes,
      read: (offset, size) => (read.push(size), source.read(offset, size)),
    });
    read.length = 0;
    const rows = { first: 1, count: 2, rows: 4 };
    expect(await readRows(weights, 'a', rows)).toEqual(f32(...values.slice(columns, 3 * columns)));
    expect(await readRowsF32(weights, 'a', rows)).toEqual(Float32Array.from(values.slice(columns, 3 * columns)));
    expect(read).toEqual([8 * columns, 8 * columns]);
  });

  test('a weight that is not there is named', async () => {
    const weights = await openWeights(memorySource(safetensors({ a: { dtype: 'F32', shape: [1], bytes: f32(1) } })));
    expect(weights.has('b')).toBe(false);
    expect(() => weights.info('b')).toThrow(KinoraError);
    expect(() => weights.info('b')).toThrow(/"b"/);
    await expect(weights.read('b')).rejects.toMatchObject({ code: 'invalid-file' });
  });

  test('tensors that no network can use are left out', async () => {
    const weights = await openWeights(
      memorySource(
        safetensors({ mask: { dtype: 'BOOL', shape: [1], bytes: Uint8Array.of(1) }, a: { dtype: 'F32', shape: [1], bytes: f32(1) } }),
      ),
    );
    expect(weights.names).toEqual(['a']);
  });

  test('bytes that were read are the caller’s own', async () => {
    const file = safetensors({ a: { dtype: 'F32', shape: [1], bytes: f32(1) } });
    const weights = await openWeights(memorySource(Buffer.from(file)));
    (await weights.read('a')).fill(0xff);
    expect(await weights.readF32('a')).toEqual(Float32Array.of(1));
  });

  test('a Blob is read like memory, and one that has gone is a typed error', async () => {
    const file = safetensors({ a: { dtype: 'F16', shape: [2], bytes: Uint8Array.of(0, 0x3c, 0, 0xc0) } });
    const weights = await openWeights(blobSource(new Blob([file])));
    expect(await weights.readF32('a')).toEqual(Float32Array.of(1, -2));
    const gone = {
      size: 100,
      slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException('gone', 'NotReadableError')) }),
    } as unknown as Blob;
    await expect(openWeights(blobSource(gone))).rejects.toMatchObject({ code: 'invalid-file' });
  });

  test('a range outside the file is refused before anything is allocated', async () => {
    const source = memorySource(new Uint8Array(8));
    for (const [offset, length] of [
      [0, 9],
      [8, 1],
      [-1, 2],
      [0, 2 ** 53],
      [0.5, 1],
      [NaN, 1],
    ] as const)
      // prettier-ignore
      await expect(source.read(offset, length)).rejects.toMatchObject({ code: 'invalid-file' });
  });

  test('shards: each is opened once, tensors that the index does not name stay out', async () => {
    const shards: Record<string, Uint8Array> = {
      'one.safetensors': safetensors({
        a: { dtype: 'F32', shape: [1], bytes: f32(1) },
        b: { dtype: 'F32', shape: [1], bytes: f32(2) },
        extra: { dtype: 'F32', shape: [1], bytes: f32(3) },
      }),
      'two.safetensors': safetensors({ c: { dtype: 'F32', shape: [1], bytes: f32(4) } }),
    };
    const opened: string[] = [];
    const open = async (name: string): Promise<ByteSource | null> => {
      opened.push(name);
      return shards[name] ? memorySource(shards[name]) : null;
    };
    const index = (map: Record<string, string>) => memorySource(new TextEncoder().encode(JSON.stringify({ weight_map: map })));
    const weights = await openShardedWeights(index({ a: 'one.safetensors', c: 'two.safetensors', b: 'one.safetensors' }), open);
    expect(weights.names).toEqual(['a', 'c', 'b']);
    expect(opened).toEqual(['one.safetensors', 'two.safetensors']);
    expect(await weights.readF32('c')).toEqual(Float32Array.of(4));
    for (const map of [{ a: 'two.safetensors' }, { a: '../one.safetensors' }, { a: '..' }, { a: '' }, { a: 'C:one' }] as Record<
      string,
      string
    >[])
      await expect(openShardedWeights(index(map), open)).rejects.toMatchObject({ code: 'invalid-file' });
    expect(opened.filter((name) => name.includes('..') || name === '' || name.includes(':'))).toEqual([]);
  });

  test('a file with a long header is read in growing pieces, and only as far as needed', async () => {
    const parts: Parts = {};
    for (let i = 0; i < 3000; i++) parts[`a.tensor.with.a.long.name.${i}`] = { dtype: 'F32', shape: [1], bytes: f32(i) };
    const file = await parseWeightFile(memorySource(safetensors(parts)));
    expect(file.tensors.size).toBe(3000);
  });
});
