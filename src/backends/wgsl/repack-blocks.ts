/**
 * ggml's quantized blocks as the kernels read them (shaders/parts/packed-matrix.wgsl): quants in words of their own, scales beside
 * them in f32, in which products of the blocks' two-level scales are exact. Layouts: ggml's src/ggml-common.h at d99724f.
 */

export interface RepackedBlocks {
  /** Signed bytes (I8), or nibbles, lowest first (I4). */
  readonly quants: Uint8Array<ArrayBuffer>;
  /** One scale a group of weights, or pairs of scale and minimum. */
  readonly scales: Float32Array<ArrayBuffer>;
}

export interface BlockFormat {
  readonly bits: 4 | 8;
  /** Weights that share a scale. */
  readonly group: 16 | 32;
  readonly minima: boolean;
  /** What nibbles are relative to. */
  readonly centre: 0 | 8;
  /** Weights of a block, and its bytes. */
  readonly weights: number;
  readonly bytes: number;
  repack(block: Uint8Array, at: number, quants: Uint8Array, toQuant: number, scales: Float32Array, toScale: number): void;
}

/** Formats that are read as they are; weights of every other type become f32. */
export const BLOCK_FORMATS: Readonly<Partial<Record<string, BlockFormat>>> = {
  /** d, i8[32] */
  Q8_0: {
    bits: 8,
    group: 32,
    minima: false,
    centre: 0,
    weights: 32,
    bytes: 34,
    repack: (block, at, quants, to, scales, toScale) => {
      scales[toScale] = half(block, at);
      quants.set(block.subarray(at + 2, at + 34), to);
    },
  },
  /** d, qs[16]: low nibbles are weights 0 to 15 */
  Q4_0: {
    bits: 4,
    group: 32,
    minima: false,
    centre: 8,
    weights: 32,
    bytes: 18,
    repack: (block, at, quants, to, scales, toScale) => {
      scales[toScale] = half(block, at);
      for (let i = 0; i < 16; i += 2) {
        const [a, b] = [block[at + 2 + i]!, block[at + 3 + i]!];
        quants[to + i / 2] = (a & 15) | ((b & 15) << 4);
        quants[to + 8 + i / 2] = (a >> 4) | (b & 240);
      }
    },
  },
  /** d, dmin, scales[12], qs[128]: each 32 bytes hold 32 low nibbles, then 32 high ones */
  Q4_K: {
    bits: 4,
    group: 32,
    minima: true,
    centre: 0,
    weights: 256,
    bytes: 144,
    repack: (block, at, quants, to, scales, toScale) => {
      const [d, dmin] = [half(block, at), half(block, at + 2)];
      for (let j = 0; j < 4; j++) {
        const [a, b, c] = [block[at + 4 + j]!, block[at + 8 + j]!, block[at + 12 + j]!];
        scales[toScale + 2 * j] = d * (a & 63);
        scales[toScale + 2 * j + 1] = dmin * (b & 63);
        scales[toScale + 2 * j + 8] = d * ((c & 15) | ((a >> 6) << 4));
        scales[toScale + 2 * j + 9] = dmin * ((c >> 4) | ((b >> 6) << 4));
      }
      for (let pair = 0; pair < 4; pair++)
        for (let i = 0; i < 32; i += 2) {
          const [a, b] = [block[at + 16 + 32 * pair + i]!, block[at + 17 + 32 * pair + i]!];
          quants[to + 32 * pair + i / 2] = (a & 15) | ((b & 15) << 4);
          quants[to + 32 * pair + 16 + i / 2] = (a >> 4) | (b & 240);
        }
    },
  },
  /** ql[128], qh[64], i8 scales[16], d: six bits, kept as bytes minus 32, so that they need no second word */
  Q6_K: {
    bits: 8,
    group: 16,
    minima: false,
    centre: 0,
    weights: 256,
    bytes: 210,
    repack: (block, at, quants, to, scales, toScale) => {
      const d = half(block, at + 208);
      for (let j = 0; j < 16; j++) scales[toScale + j] = d * ((block[at + 192 + j]! << 24) >> 24);
      for (let part = 0; part < 2; part++)
        for (let i = 0; i < 32; i++) {
          const high = block[at + 128 + 32 * part + i]!;
          const [a, b] = [block[at + 64 * part + i]!, block[at + 64 * part + 32 + i]!];
          const first = to + 128 * part + i;
          quants[first] = ((a & 15) | ((high & 3) << 4)) - 32;
          quants[first + 32] = ((b & 15) | (((high >> 2) & 3) << 4)) - 32;
          quants[first + 64] = ((a >> 4) | (((high >> 4) & 3) << 4)) - 32;
          quants[first + 96] = ((b >> 4) | ((high >> 6) << 4)) - 32;
        }
    },
  },
};

/** Repacks whole blocks. */
export function repackBlocks(format: BlockFormat, bytes: Uint8Array, count: number): RepackedBlocks {
  const quants = new Uint8Array((count * format.bits) / 8);
  const scales = new Float32Array((count / format.group) * (format.minima ? 2 : 1));
  const blocks = count / format.weights;
  for (let block = 0; block < blocks; block++)
    format.repack(bytes, block * format.bytes, quants, block * (quants.length / blocks), scales, block * (scales.length / blocks));
  return { quants, scales };
}

function half(bytes: Uint8Array, at: number): number {
  const bits = bytes[at]! | (bytes[at + 1]! << 8);
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
