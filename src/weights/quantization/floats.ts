import { halfTable } from './half';

/** Plain number types to f32. `bytes` are little-endian and hold exactly `out.length` numbers; they may start at any address. */

/** A copy that starts at an address every typed array accepts. */
function aligned(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
}

export function f32ToF32(bytes: Uint8Array, out: Float32Array): void {
  new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes);
}

export function f64ToF32(bytes: Uint8Array, out: Float32Array): void {
  const { buffer, byteOffset } = aligned(bytes, 8);
  out.set(new Float64Array(buffer, byteOffset, out.length));
}

export function f16ToF32(bytes: Uint8Array, out: Float32Array): void {
  const { buffer, byteOffset } = aligned(bytes, 2);
  const halves = new Uint16Array(buffer, byteOffset, out.length);
  const table = halfTable();
  for (let i = 0; i < halves.length; i++) out[i] = table[halves[i]!]!;
}

/** BF16 is the upper half of an f32. */
export function bf16ToF32(bytes: Uint8Array, out: Float32Array): void {
  const { buffer, byteOffset } = aligned(bytes, 2);
  const halves = new Uint16Array(buffer, byteOffset, out.length);
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
}

/**
 * The 256 values of an 8-bit float. E4M3 ("fn") has no infinity and one NaN a sign; E5M2 follows IEEE 754.
 * Source: "FP8 Formats for Deep Learning", arXiv 2209.05433, table 1.
 */
function eightBitTable(exponentBits: number, bias: number, hasInfinity: boolean): Float32Array {
  const fractionBits = 7 - exponentBits;
  const top = (1 << exponentBits) - 1;
  return Float32Array.from({ length: 256 }, (_, byte) => {
    const sign = byte & 128 ? -1 : 1;
    const exponent = (byte >> fractionBits) & top;
    const fraction = (byte & ((1 << fractionBits) - 1)) / (1 << fractionBits);
    if (hasInfinity && exponent === top) return fraction === 0 ? sign * Infinity : NaN;
    if (!hasInfinity && (byte & 127) === 127) return NaN;
    return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
  });
}

const E4M3 = eightBitTable(4, 7, false);
const E5M2 = eightBitTable(5, 15, true);

export function f8e4m3ToF32(bytes: Uint8Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = E4M3[bytes[i]!]!;
}

export function f8e5m2ToF32(bytes: Uint8Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = E5M2[bytes[i]!]!;
}

export function i8ToF32(bytes: Uint8Array, out: Float32Array): void {
  out.set(new Int8Array(bytes.buffer, bytes.byteOffset, out.length));
}

export function u8ToF32(bytes: Uint8Array, out: Float32Array): void {
  out.set(bytes);
}

export function i16ToF32(bytes: Uint8Array, out: Float32Array): void {
  const { buffer, byteOffset } = aligned(bytes, 2);
  out.set(new Int16Array(buffer, byteOffset, out.length));
}

export function u16ToF32(bytes: Uint8Array, out: Float32Array): void {
  const { buffer, byteOffset } = aligned(bytes, 2);
  out.set(new Uint16Array(buffer, byteOffset, out.length));
}

export function i32ToF32(bytes: Uint8Array, out: Float32Array): void {
  const { buffer, byteOffset } = aligned(bytes, 4);
  out.set(new Int32Array(buffer, byteOffset, out.length));
}

export function u32ToF32(bytes: Uint8Array, out: Float32Array): void {
  const { buffer, byteOffset } = aligned(bytes, 4);
  out.set(new Uint32Array(buffer, byteOffset, out.length));
}

export function i64ToF32(bytes: Uint8Array, out: Float32Array): void {
  const { buffer, byteOffset } = aligned(bytes, 8);
  const values = new BigInt64Array(buffer, byteOffset, out.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(values[i]!);
}

export function u64ToF32(bytes: Uint8Array, out: Float32Array): void {
  const { buffer, byteOffset } = aligned(bytes, 8);
  const values = new BigUint64Array(buffer, byteOffset, out.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(values[i]!);
}
