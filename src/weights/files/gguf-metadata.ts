import type { HeaderReader } from './header-reader';
import { invalidFile, type MetadataValue, type NumberArray, quoteName } from './tensor-file';

/** gguf_metadata_value_type: how one value is read, its bytes, and how an array of them is held. */
interface NumberType {
  readonly bytes: number;
  readonly read: (reader: HeaderReader) => number | bigint;
  readonly array: (buffer: ArrayBuffer) => NumberArray;
}

const NUMBERS = new Map<number, NumberType>([
  [0, { bytes: 1, read: (r) => r.u8(), array: (b) => new Uint8Array(b) }],
  [1, { bytes: 1, read: (r) => r.i8(), array: (b) => new Int8Array(b) }],
  [2, { bytes: 2, read: (r) => r.u16(), array: (b) => new Uint16Array(b) }],
  [3, { bytes: 2, read: (r) => r.i16(), array: (b) => new Int16Array(b) }],
  [4, { bytes: 4, read: (r) => r.u32(), array: (b) => new Uint32Array(b) }],
  [5, { bytes: 4, read: (r) => r.i32(), array: (b) => new Int32Array(b) }],
  [6, { bytes: 4, read: (r) => r.f32(), array: (b) => new Float32Array(b) }],
  [10, { bytes: 8, read: (r) => r.u64(), array: (b) => new BigUint64Array(b) }],
  [11, { bytes: 8, read: (r) => r.i64(), array: (b) => new BigInt64Array(b) }],
  [12, { bytes: 8, read: (r) => r.f64(), array: (b) => new Float64Array(b) }],
]);
const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

/** Booleans become full JavaScript values, so that an array of them grows eightfold in memory: bounded. */
const MAX_BOOLEANS = 2 ** 20;

/** Reads `count` key-value pairs. Arrays of arrays are refused, as ggml's reader does. Throws `invalid-file`. */
export function readGgufMetadata(reader: HeaderReader, count: number): Map<string, MetadataValue> {
  const metadata = new Map<string, MetadataValue>();
  for (let i = 0; i < count; i++) {
    const key = readString(reader);
    if (metadata.has(key)) throw invalidFile(`the metadata has ${quoteName(key)} twice`);
    const type = reader.u32();
    metadata.set(key, type === ARRAY ? readArray(reader, key) : readValue(reader, type, key));
  }
  return metadata;
}

function readString(reader: HeaderReader): string {
  return reader.text(reader.size('text length'));
}

function readBoolean(reader: HeaderReader): boolean {
  const byte = reader.u8();
  if (byte > 1) throw invalidFile(`a boolean in its metadata is ${byte}`);
  return byte === 1;
}

function readValue(reader: HeaderReader, type: number, key: string): MetadataValue {
  if (type === STRING) return readString(reader);
  if (type === BOOL) return readBoolean(reader);
  const number = NUMBERS.get(type);
  if (!number) throw invalidFile(`the metadata ${quoteName(key)} has the unknown type ${type}`);
  return number.read(reader);
}

function readArray(reader: HeaderReader, key: string): MetadataValue {
  const type = reader.u32();
  const length = reader.size('array length');
  if (type === STRING) {
    reader.expect(length, 8, `texts in ${quoteName(key)}`);
    const texts: string[] = [];
    for (let i = 0; i < length; i++) texts.push(readString(reader));
    return texts;
  }
  if (type === BOOL) {
    reader.expect(length, 1, `booleans in ${quoteName(key)}`);
    if (length > MAX_BOOLEANS) throw invalidFile(`the metadata ${quoteName(key)} has ${length} booleans`);
    return Array.from({ length }, () => readBoolean(reader));
  }
  const number = NUMBERS.get(type);
  if (!number)
    throw invalidFile(
      type === ARRAY
        ? `the metadata ${quoteName(key)} has arrays in an array`
        : `the metadata ${quoteName(key)} has values of the unknown type ${type}`,
    );
  reader.expect(length, number.bytes, `numbers in ${quoteName(key)}`);
  return number.array(reader.bytes(length * number.bytes).buffer);
}
