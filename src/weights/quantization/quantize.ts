import { toHalf } from './half';

/**
 * ggml's reference quantisers, to the byte (quantize_row_q4_0_ref and quantize_row_q8_0_ref in src/ggml-quants.c
 * at d99724f): 1/d is taken in f32 from the f32 scale, before that is rounded to f16. `values.length` must be a
 * multiple of 32.
 */

/** d = (value of largest magnitude, the first of equals) / −8; q = min(15, trunc(x/d + 8.5)). 18 bytes a block. */
export function quantizeQ4_0(values: Float32Array): Uint8Array<ArrayBuffer> {
  const { fround } = Math;
  const out = new Uint8Array((values.length / 32) * 18);
  for (let from = 0, at = 0; from < values.length; from += 32, at += 18) {
    let extreme = values[from]!;
    for (let i = 1; i < 32; i++) if (Math.abs(values[from + i]!) > Math.abs(extreme)) extreme = values[from + i]!;
    const d = fround(extreme / -8);
    const inverse = d === 0 ? 0 : fround(1 / d);
    const half = toHalf(d);
    out[at] = half & 255;
    out[at + 1] = half >> 8;
    for (let i = 0; i < 16; i++) {
      const low = Math.min(15, Math.trunc(fround(fround(values[from + i]! * inverse) + 8.5)));
      const high = Math.min(15, Math.trunc(fround(fround(values[from + 16 + i]! * inverse) + 8.5)));
      out[at + 2 + i] = low | (high << 4);
    }
  }
  return out;
}

/** d = max|x| / 127; q = x/d rounded, halves away from zero. 34 bytes a block. */
export function quantizeQ8_0(values: Float32Array): Uint8Array<ArrayBuffer> {
  const { fround } = Math;
  const out = new Uint8Array((values.length / 32) * 34);
  for (let from = 0, at = 0; from < values.length; from += 32, at += 34) {
    let largest = 0;
    for (let i = 0; i < 32; i++) largest = Math.max(largest, Math.abs(values[from + i]!));
    const d = fround(largest / 127);
    const inverse = d === 0 ? 0 : fround(1 / d);
    const half = toHalf(d);
    out[at] = half & 255;
    out[at + 1] = half >> 8;
    for (let i = 0; i < 32; i++) {
      const x = fround(values[from + i]! * inverse);
      out[at + 2 + i] = Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
    }
  }
  return out;
}
