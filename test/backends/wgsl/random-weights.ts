import type { WeightInfo, WeightSource, WeightType } from '../../../src/graph/types';
import { dequantize } from '../../../src/weights/quantization/dequantize';

/** Small deterministic numbers in [-1, 1). */
export function randomNumbers(count: number, seed: number): Float32Array {
  let state = (seed * 2654435761) >>> 0 || 1;
  return Float32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) / 2 ** 31 - 1) as number;
  });
}

/** Weights of given shapes with random values, stored in a type: what a backend packs. */
export function randomWeights(shapes: Readonly<Record<string, readonly number[]>>, type: WeightType = 'F32'): WeightSource {
  const stored = new Map<string, { info: WeightInfo; bytes: Uint8Array }>();
  Object.entries(shapes).forEach(([name, shape], index) => {
    const count = shape.reduce((size, dim) => size * dim, 1);
    const values = randomNumbers(count, index + 7);
    const use = shape.length === 2 ? type : 'F32';
    const bytes = use === 'Q8_0' ? quantizeQ8(values) : use === 'F16' ? halves(values) : new Uint8Array(values.buffer as ArrayBuffer);
    stored.set(name, { info: { name, shape, type: use, sizeBytes: bytes.byteLength }, bytes });
  });
  const find = (name: string) => {
    const entry = stored.get(name);
    if (!entry) throw new Error(`no weight ${name}`);
    return entry;
  };
  return {
    has: (name) => stored.has(name),
    info: (name) => find(name).info,
    read: async (name) => find(name).bytes,
    readF32: async (name) => dequantize(find(name).info.type, find(name).bytes),
  };
}

/** Halves with short fractions, which every f16 conversion represents alike. */
function halves(values: Float32Array): Uint8Array {
  const words = Uint16Array.from(values, (value) => {
    const sign = value < 0 ? 0x8000 : 0;
    return sign | (0x3800 + (Math.floor(Math.abs(value) * 1024) & 0x3ff));
  });
  return new Uint8Array(words.buffer);
}

/** Random blocks: the scale 2^-7, then the values as bytes. */
function quantizeQ8(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / 32) * 34);
  for (let block = 0; block < values.length / 32; block++) {
    bytes[block * 34] = 0;
    bytes[block * 34 + 1] = 0x20; // f16 0x2000 = 2^-7
    for (let i = 0; i < 32; i++) bytes[block * 34 + 2 + i] = Math.round(values[block * 32 + i]! * 127) & 255;
  }
  return bytes;
}
