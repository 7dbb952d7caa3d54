import { KinoraError } from '../../errors';
import { BLOCK_LAYOUTS, type StorageType } from '../quantization/storage-types';
import type { ByteSource } from './byte-source';

/** A tensor as a file describes it; every field has been checked against the file's size. */
export interface StoredTensor {
  readonly name: string;
  /** PyTorch order, outermost first. */
  readonly shape: readonly number[];
  readonly type: StorageType;
  /** Where its bytes are. */
  readonly source: ByteSource;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A GGUF metadata value; numbers of an array in the typed array of their type, 64-bit ones as bigint. */
export type MetadataValue = string | boolean | number | bigint | readonly string[] | readonly boolean[] | NumberArray;
export type NumberArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** What a weight file holds, whatever its format. */
export interface TensorFile {
  readonly format: 'gguf' | 'safetensors';
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  /** By name, in file order. Names are the file's own. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** The typed error of every parser here. */
export function invalidFile(reason: string, cause?: unknown): KinoraError {
  return new KinoraError(
    'invalid-file',
    `The weight file is not valid: ${reason}.`,
    'Fetch the file again, or choose a GGUF (v2, v3) or safetensors file.',
    cause === undefined ? undefined : { cause },
  );
}

/** A name as it may be shown: quoted, and cut where a damaged file made it absurd. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}

/** Bytes of a tensor of this type and shape. Throws `invalid-file` when the count overflows or a row is not whole blocks. */
export function tensorSizeBytes(name: string, type: StorageType, shape: readonly number[]): number {
  const layout = BLOCK_LAYOUTS[type];
  const elements = shape.reduce((product, dim) => product * dim, 1);
  // Any partial product above 2^53 leaves a product that is no safe integer, unless a zero dimension hides it: then it is 0, and fits.
  if (!Number.isSafeInteger(elements) || !Number.isSafeInteger(elements * layout.bytes))
    throw invalidFile(`tensor ${quoteName(name)} has more elements than a file can hold`);
  if (layout.weights > 1 && (shape.at(-1) ?? 1) % layout.weights !== 0)
    throw invalidFile(`tensor ${quoteName(name)} has rows of ${shape.at(-1) ?? 1} weights, which are not whole ${type} blocks`);
  return (elements / layout.weights) * layout.bytes;
}

/** Throws `invalid-file` when two tensors share bytes, or (with `gaps: 'refuse'`) when bytes between or after them belong to none. */
export function checkLayout(tensors: Iterable<StoredTensor>, start: number, end: number, gaps: 'allow' | 'refuse'): void {
  const sorted = [...tensors].sort((a, b) => a.offset - b.offset || a.sizeBytes - b.sizeBytes);
  let at = start;
  for (const tensor of sorted) {
    if (tensor.offset < at) throw invalidFile(`tensor ${quoteName(tensor.name)} shares bytes with another`);
    if (gaps === 'refuse' && tensor.offset > at)
      throw invalidFile(`there are bytes before tensor ${quoteName(tensor.name)} that belong to none`);
    at = tensor.offset + tensor.sizeBytes;
  }
  if (at > end) throw invalidFile('its data ends before the last tensor does');
  if (gaps === 'refuse' && at < end) throw invalidFile('there are bytes after the last tensor');
}
