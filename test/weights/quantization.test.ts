import { describe, expect, test } from 'vitest';
import { dequantize } from '../../src/weights/quantization/dequantize';
import { halfTable, toHalf } from '../../src/weights/quantization/half';
import { quantizeQ4_0, quantizeQ8_0 } from '../../src/weights/quantization/quantize';
import { BLOCK_LAYOUTS, type StorageType } from '../../src/weights/quantization/storage-types';
import { seededRandom } from './random';

/** The value of an f16 by its definition. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

describe('f16', () => {
  test('every bit pattern has its value, and goes back to itself', () => {
    const table = halfTable();
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfValue(bits);
      if (!Object.is(table[bits], value)) throw new Error(`${bits.toString(16)} is ${table[bits]}, not ${value}`);
      if (!Number.isNaN(value) && toHalf(value) !== bits)
        throw new Error(`${value} became ${toHalf(value).toString(16)}, not ${bits.toString(16)}`);
    }
  });

  test('numbers between two f16 go to the nearer one, halfway to the even one', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [halfValue(bits), halfValue(bits + 1)];
      const middle = Math.fround((low + high) / 2); // exact: it needs 12 bits
      const even = bits % 2 === 0 ? bits : bits + 1;
      const step = Math.max(2 ** -149, middle * 2 ** -23);
      if (toHalf(middle) !== even || toHalf(middle + step) !== bits + 1 || toHalf(-(middle - step)) !== (bits | 0x8000))
        throw new Error(`around ${middle}`);
    }
    expect([65519.99, 65520, 1e30, -Infinity, NaN, -0].map(toHalf)).toEqual([0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7e00, 0x8000]);
  });
});

describe('blocks', () => {
  const random = seededRandom(3);
  const values = Float32Array.from({ length: 32 * 200 }, () => (random() - 0.5) * 2 ** (random() * 12 - 6));
  const steps = (divisor: number) =>
    Array.from(
      { length: values.length / 32 },
      (_, block) => Math.max(...values.subarray(32 * block, 32 * block + 32).map(Math.abs)) / divisor,
    );

  test.each([
    ['Q8_0', quantizeQ8_0, 127, 0.57], // half a step, and the step's own rounding to f16 (127 · 2^-11)
    ['Q4_0', quantizeQ4_0, 8, 1.01], // the far end of the other sign is cut off: a whole step
  ] as const)('%s gives back what it was given, within its steps', (type, quantize, divisor, allowed) => {
    const back = dequantize(type, quantize(values));
    const step = steps(divisor);
    for (let i = 0; i < values.length; i++) expect(Math.abs(back[i]! - values[i]!) / step[i >> 5]!).toBeLessThan(allowed);
  });

  test('bytes that are not whole blocks are refused', () => {
    for (const [type, { bytes }] of Object.entries(BLOCK_LAYOUTS))
      if (bytes > 1) expect(() => dequantize(type as StorageType, new Uint8Array(bytes + 1)), type).toThrow(/whole/);
  });

  test('integers and doubles, wherever they start', () => {
    const cases: [StorageType, ArrayBufferView, number[]][] = [
      ['F64', Float64Array.of(1.5, -1e300, 0.1), [1.5, -Infinity, Math.fround(0.1)]],
      ['F32', Float32Array.of(0.1, -2), [Math.fround(0.1), -2]],
      ['I8', Int8Array.of(-128, 127), [-128, 127]],
      ['U8', Uint8Array.of(0, 255), [0, 255]],
      ['BOOL', Uint8Array.of(0, 1), [0, 1]],
      ['I16', Int16Array.of(-32768, 5), [-32768, 5]],
      ['U16', Uint16Array.of(65535), [65535]],
      ['I32', Int32Array.of(-(2 ** 31), 7), [-(2 ** 31), 7]],
      ['U32', Uint32Array.of(2 ** 32 - 1), [2 ** 32]], // the nearest f32
      ['I64', BigInt64Array.of(-(2n ** 63n), 3n), [-(2 ** 63), 3]],
      ['U64', BigUint64Array.of(2n ** 63n), [2 ** 63]],
    ];
    for (const [type, view, expected] of cases) {
      const shifted = new Uint8Array(view.byteLength + 3);
      shifted.set(new Uint8Array(view.buffer), 3);
      expect([...dequantize(type, shifted.subarray(3))], type).toEqual(expected);
    }
  });
});
