import { halfTable } from './half';

/**
 * ggml's first block formats: 32 weights share an f16 scale d and, in the _1 formats, an f16 minimum m.
 * Low nibbles are weights 0 to 15, high nibbles 16 to 31. Layouts: src/ggml-common.h at d99724f.
 */

/** d, qs[16]: (q − 8) · d. */
export function q4_0ToF32(bytes: Uint8Array, out: Float32Array): void {
  const half = halfTable();
  for (let at = 0, to = 0; to < out.length; at += 18, to += 32) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 2 + i]!;
      out[to + i] = ((q & 15) - 8) * d;
      out[to + 16 + i] = ((q >> 4) - 8) * d;
    }
  }
}

/** d, m, qs[16]: q · d + m. */
export function q4_1ToF32(bytes: Uint8Array, out: Float32Array): void {
  const half = halfTable();
  for (let at = 0, to = 0; to < out.length; at += 20, to += 32) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const m = half[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 4 + i]!;
      out[to + i] = (q & 15) * d + m;
      out[to + 16 + i] = (q >> 4) * d + m;
    }
  }
}

/** d, qh[4], qs[16]: (q − 16) · d, where bit j of qh is the fifth bit of weight j. */
export function q5_0ToF32(bytes: Uint8Array, out: Float32Array): void {
  const half = halfTable();
  for (let at = 0, to = 0; to < out.length; at += 22, to += 32) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const high = bytes[at + 2]! | (bytes[at + 3]! << 8) | (bytes[at + 4]! << 16) | (bytes[at + 5]! << 24);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 6 + i]!;
      out[to + i] = (((q & 15) | (((high >>> i) & 1) << 4)) - 16) * d;
      out[to + 16 + i] = (((q >> 4) | (((high >>> (i + 16)) & 1) << 4)) - 16) * d;
    }
  }
}

/** d, m, qh[4], qs[16]: q · d + m. */
export function q5_1ToF32(bytes: Uint8Array, out: Float32Array): void {
  const half = halfTable();
  for (let at = 0, to = 0; to < out.length; at += 24, to += 32) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const m = half[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    const high = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 8 + i]!;
      out[to + i] = ((q & 15) | (((high >>> i) & 1) << 4)) * d + m;
      out[to + 16 + i] = ((q >> 4) | (((high >>> (i + 16)) & 1) << 4)) * d + m;
    }
  }
}

/** d, i8[32]: q · d. */
export function q8_0ToF32(bytes: Uint8Array, out: Float32Array): void {
  const half = halfTable();
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0, to = 0; to < out.length; at += 34, to += 32) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    for (let i = 0; i < 32; i++) out[to + i] = signed[at + 2 + i]! * d;
  }
}
