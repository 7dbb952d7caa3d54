/** Values that share a scale in Q8_0 and Q4_0. */
export const BLOCK = 32;

/** Blocks of quantized values, and their scales, as little-endian f32. */
export interface RepackedBlocks {
  readonly data: Uint8Array;
  readonly scales: Uint8Array;
}

/**
 * ggml's blocks (an f16 scale, then 32 values) as MatMulNBits has them: scales apart, values offset to be unsigned
 * (zero point 128 or 8), and 4-bit values of neighbours in one byte where ggml pairs j with j + 16.
 */
export function repackBlocks(bytes: Uint8Array, bits: 8 | 4): RepackedBlocks {
  const payload = (BLOCK * bits) / 8;
  const blocks = bytes.length / (2 + payload);
  const data = new Uint8Array(blocks * payload);
  const scales = new Float32Array(blocks);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let block = 0; block < blocks; block++) {
    const from = block * (2 + payload);
    const to = block * payload;
    scales[block] = halfToFloat(view.getUint16(from, true));
    if (bits === 8) for (let i = 0; i < payload; i++) data[to + i] = bytes[from + 2 + i]! ^ 0x80;
    else
      for (let i = 0; i < BLOCK / 4; i++) {
        const a = bytes[from + 2 + 2 * i]!;
        const b = bytes[from + 3 + 2 * i]!;
        data[to + i] = (a & 15) | ((b & 15) << 4);
        data[to + BLOCK / 4 + i] = (a >> 4) | (b & 0xf0);
      }
  }
  return { data, scales: new Uint8Array(scales.buffer) };
}

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
