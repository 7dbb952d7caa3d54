const WORD = new Uint32Array(1);
const FLOAT = new Float32Array(WORD.buffer);

/** f32 to f16 bits, rounded to nearest, half to even; beyond f16's range the largest finite number, since no kernel gains from infinities. */
export function toHalf(value: number): number {
  FLOAT[0] = value;
  const bits = WORD[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(FLOAT[0]);
  if (Number.isNaN(magnitude)) return 0x7e00;
  if (magnitude >= 65_504) return sign | 0x7bff;
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24); // subnormal: whole multiples of 2^-24; 1024 carries into the exponent
  const exponent = ((bits >>> 23) & 255) - 127;
  return sign | (((exponent + 15) << 10) + roundToEven((magnitude * 2 ** -exponent - 1) * 1024)); // a carry goes into the exponent
}

export function toHalves(values: Float32Array): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(values, toHalf);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
