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
    const bytes =
      use in BLOCK_BYTES
        ? randomBlocks(use as keyof typeof BLOCK_BYTES, values)
        : use === 'F16'
          ? halves(values)
          : new Uint8Array(values.buffer as ArrayBuffer);
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

/** Weights and bytes of a block, and where its f16 scales are. */
const BLOCK_BYTES = {
  Q8_0: { weights: 32, bytes: 34, halves: [0] },
  Q4_0: { weights: 32, bytes: 18, halves: [0] },
  Q4_K: { weights: 256, bytes: 144, halves: [0, 2] },
  Q6_K: { weights: 256, bytes: 210, halves: [208] },
} as const;

/** Blocks of random bytes, with scales of about 2^-9. */
function randomBlocks(type: keyof typeof BLOCK_BYTES, values: Float32Array): Uint8Array {
  const { weights, bytes, halves: at } = BLOCK_BYTES[type];
  const blocks = new Uint8Array((values.length / weights) * bytes);
  for (let i = 0; i < blocks.length; i++) blocks[i] = Math.floor(Math.abs(values[i % values.length]!) * 65536) & 255;
  for (let block = 0; block < values.length / weights; block++)
    for (const half of at) blocks[block * bytes + half + 1] = 0x18 | (block & 3);
  return blocks;
}
