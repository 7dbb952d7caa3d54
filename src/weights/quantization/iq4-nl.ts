import { halfTable } from './half';

/** ggml's kvalues_iq4nl: sixteen levels, denser near zero (src/ggml-common.h at d99724f). */
const LEVELS = new Int8Array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]);

/** d, qs[16]: level[q] · d; low nibbles are weights 0 to 15. */
export function iq4nlToF32(bytes: Uint8Array, out: Float32Array): void {
  const half = halfTable();
  for (let at = 0, to = 0; to < out.length; at += 18, to += 32) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 2 + i]!;
      out[to + i] = LEVELS[q & 15]! * d;
      out[to + 16 + i] = LEVELS[q >> 4]! * d;
    }
  }
}
