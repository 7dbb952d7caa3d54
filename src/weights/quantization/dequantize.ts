import { KinoraError } from '../../errors';
import * as floats from './floats';
import { iq4nlToF32 } from './iq4-nl';
import * as k from './k-blocks';
import * as legacy from './legacy-blocks';
import { BLOCK_LAYOUTS, type StorageType } from './storage-types';

type Dequantizer = (bytes: Uint8Array, out: Float32Array) => void;

const DEQUANTIZERS: Readonly<Record<StorageType, Dequantizer>> = {
  F64: floats.f64ToF32,
  F32: floats.f32ToF32,
  F16: floats.f16ToF32,
  BF16: floats.bf16ToF32,
  F8_E4M3: floats.f8e4m3ToF32,
  F8_E5M2: floats.f8e5m2ToF32,
  I64: floats.i64ToF32,
  I32: floats.i32ToF32,
  I16: floats.i16ToF32,
  I8: floats.i8ToF32,
  U64: floats.u64ToF32,
  U32: floats.u32ToF32,
  U16: floats.u16ToF32,
  U8: floats.u8ToF32,
  BOOL: floats.u8ToF32,
  Q4_0: legacy.q4_0ToF32,
  Q4_1: legacy.q4_1ToF32,
  Q5_0: legacy.q5_0ToF32,
  Q5_1: legacy.q5_1ToF32,
  Q8_0: legacy.q8_0ToF32,
  IQ4_NL: iq4nlToF32,
  Q3_K: k.q3kToF32,
  Q4_K: k.q4kToF32,
  Q5_K: k.q5kToF32,
  Q6_K: k.q6kToF32,
};

/**
 * Stored bytes (whole blocks, little-endian, at any address) as f32 numbers, in order.
 * Throws `invalid-file` when the bytes are not whole blocks.
 */
export function dequantize(type: StorageType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const layout = BLOCK_LAYOUTS[type];
  if (bytes.length % layout.bytes !== 0)
    throw new KinoraError('invalid-file', `${bytes.length} bytes are not whole ${type} blocks.`, 'The file is damaged: fetch it again.');
  const out = new Float32Array((bytes.length / layout.bytes) * layout.weights);
  DEQUANTIZERS[type](bytes, out);
  return out;
}
