/**
 * Half-precision numbers without Float16Array, which many browsers lack: f16 by a table of all 65,536
 * values (256 KiB, made on first use), f32 to f16 by rounding to nearest even on the bits.
 */

let table: Float32Array | null = null;

/** The f32 value of every f16 bit pattern. */
export function halfTable(): Float32Array {
  return (table ??= buildTable());
}

function buildTable(): Float32Array {
  const bits = new Uint32Array(65536);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 31;
    let fraction = half & 0x3ff;
    if (exponent === 31) bits[half] = sign | 0x7f800000 | (fraction << 13);
    else if (exponent > 0) bits[half] = sign | ((exponent + 112) << 23) | (fraction << 13);
    else if (fraction === 0) bits[half] = sign;
    else {
      // Subnormal: shift the leading one into the implicit place; every f16 subnormal is a normal f32.
      let shift = 0;
      while (!(fraction & 0x400)) {
        fraction <<= 1;
        shift++;
      }
      bits[half] = sign | ((113 - shift) << 23) | ((fraction & 0x3ff) << 13);
    }
  }
  return new Float32Array(bits.buffer);
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** The f16 bit pattern nearest to a number (ties to even), as IEEE 754 converts f32; overflow gives infinity. */
export function toHalf(value: number): number {
  scratch[0] = value;
  const bits = scratchBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity
  if (magnitude < 0x38800000) {
    // Below 2^-14 the result is a multiple of 2^-24. Adding 0.5, whose last place is 2^-24, makes the FPU round there.
    scratch[0] = Math.abs(scratch[0]!) + 0.5;
    return sign | (scratchBits[0]! - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}
