import { halfTable } from './half';

/**
 * ggml's K formats: super-blocks of 256 weights, whose sub-blocks have small integer scales under one f16
 * scale. Layouts: src/ggml-common.h, arithmetic: src/ggml-quants.c, both at d99724f.
 */

/** hmask[32], qs[64], scales[12], d: d · (scale − 32) · (2 low bits − (high bit ? 0 : 4)), 16 sub-blocks of 16. */
export function q3kToF32(bytes: Uint8Array, out: Float32Array): void {
  const half = halfTable();
  const scales = new Float64Array(16);
  for (let at = 0, to = 0; to < out.length; at += 110, to += 256) {
    const d = half[bytes[at + 108]! | (bytes[at + 109]! << 8)]!;
    for (let j = 0; j < 16; j++) {
      const low = j < 8 ? bytes[at + 96 + j]! & 15 : bytes[at + 96 + j - 8]! >> 4;
      const high = (bytes[at + 104 + (j & 3)]! >> (2 * (j >> 2))) & 3;
      scales[j] = d * ((low | (high << 4)) - 32);
    }
    for (let group = 0; group < 8; group++) {
      const from = at + 32 + 32 * (group >> 2);
      const shift = 2 * (group & 3);
      for (let i = 0; i < 32; i++) {
        const q = (bytes[from + i]! >> shift) & 3;
        out[to + 32 * group + i] = scales[2 * group + (i >> 4)]! * (q - ((bytes[at + i]! >> group) & 1 ? 0 : 4));
      }
    }
  }
}

/** Unpacks Q4_K's and Q5_K's eight 6-bit scales and minima from 12 bytes, times d and dmin. */
function readScales(bytes: Uint8Array, at: number, d: number, dmin: number, scales: Float64Array, minima: Float64Array): void {
  for (let j = 0; j < 4; j++) {
    const a = bytes[at + j]!;
    const b = bytes[at + 4 + j]!;
    const c = bytes[at + 8 + j]!;
    scales[j] = d * (a & 63);
    minima[j] = dmin * (b & 63);
    scales[j + 4] = d * ((c & 15) | ((a >> 6) << 4));
    minima[j + 4] = dmin * ((c >> 4) | ((b >> 6) << 4));
  }
}

/** d, dmin, scales[12], qs[128]: d · scale · q − dmin · min; each 32 bytes hold 32 low nibbles, then 32 high ones. */
export function q4kToF32(bytes: Uint8Array, out: Float32Array): void {
  const half = halfTable();
  const scales = new Float64Array(8);
  const minima = new Float64Array(8);
  for (let at = 0, to = 0; to < out.length; at += 144, to += 256) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const dmin = half[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    readScales(bytes, at + 4, d, dmin, scales, minima);
    for (let pair = 0; pair < 4; pair++) {
      const from = at + 16 + 32 * pair;
      const first = to + 64 * pair;
      const [lowScale, lowMin, highScale, highMin] = [scales[2 * pair]!, minima[2 * pair]!, scales[2 * pair + 1]!, minima[2 * pair + 1]!];
      for (let i = 0; i < 32; i++) {
        const q = bytes[from + i]!;
        out[first + i] = lowScale * (q & 15) - lowMin;
        out[first + 32 + i] = highScale * (q >> 4) - highMin;
      }
    }
  }
}

/** d, dmin, scales[12], qh[32], qs[128]: as Q4_K, with bit j of qh[i] the fifth bit of weight i of sub-block j. */
export function q5kToF32(bytes: Uint8Array, out: Float32Array): void {
  const half = halfTable();
  const scales = new Float64Array(8);
  const minima = new Float64Array(8);
  for (let at = 0, to = 0; to < out.length; at += 176, to += 256) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const dmin = half[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    readScales(bytes, at + 4, d, dmin, scales, minima);
    for (let pair = 0; pair < 4; pair++) {
      const from = at + 48 + 32 * pair;
      const first = to + 64 * pair;
      const [lowScale, lowMin, highScale, highMin] = [scales[2 * pair]!, minima[2 * pair]!, scales[2 * pair + 1]!, minima[2 * pair + 1]!];
      for (let i = 0; i < 32; i++) {
        const q = bytes[from + i]!;
        const high = bytes[at + 16 + i]! >> (2 * pair);
        out[first + i] = lowScale * ((q & 15) | ((high & 1) << 4)) - lowMin;
        out[first + 32 + i] = highScale * ((q >> 4) | ((high & 2) << 3)) - highMin;
      }
    }
  }
}

/** ql[128], qh[64], i8 scales[16], d: d · scale · (q − 32); each half of 128 weights interleaves four runs of 32. */
export function q6kToF32(bytes: Uint8Array, out: Float32Array): void {
  const half = halfTable();
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const scales = new Float64Array(16);
  for (let at = 0, to = 0; to < out.length; at += 210, to += 256) {
    const d = half[bytes[at + 208]! | (bytes[at + 209]! << 8)]!;
    for (let j = 0; j < 16; j++) scales[j] = d * signed[at + 192 + j]!;
    for (let part = 0; part < 2; part++) {
      const low = at + 64 * part;
      const first = to + 128 * part;
      for (let i = 0; i < 32; i++) {
        const high = bytes[at + 128 + 32 * part + i]!;
        const a = bytes[low + i]!;
        const b = bytes[low + 32 + i]!;
        const s = 8 * part + (i >> 4);
        out[first + i] = scales[s]! * (((a & 15) | ((high & 3) << 4)) - 32);
        out[first + 32 + i] = scales[s + 2]! * (((b & 15) | (((high >> 2) & 3) << 4)) - 32);
        out[first + 64 + i] = scales[s + 4]! * (((a >> 4) | (((high >> 4) & 3) << 4)) - 32);
        out[first + 96 + i] = scales[s + 6]! * (((b >> 4) | ((high >> 6) << 4)) - 32);
      }
    }
  }
}
