import type { StorageType } from '../quantization/storage-types';
import type { ByteSource } from './byte-source';
import { checkLayout, invalidFile, quoteName, type StoredTensor, type TensorFile, tensorSizeBytes } from './tensor-file';

const TYPES = new Map<string, StorageType>(
  (['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2', 'I64', 'I32', 'I16', 'I8', 'U64', 'U32', 'U16', 'U8', 'BOOL'] as const).map(
    (type) => [type, type],
  ),
);

/** JSON grows when it is parsed; published headers stay under 1 MiB (a thousand tensors at about 120 bytes each). */
const MAX_HEADER_BYTES = 16 * 2 ** 20;
const MAX_DIMENSIONS = 64;

/**
 * Reads the header of a safetensors file (github.com/huggingface/safetensors, README, "Format"): a 64-bit
 * length, a JSON object, the data. As strict as the official library: every byte of data belongs to one tensor.
 * Throws `invalid-file`.
 */
export async function parseSafetensors(source: ByteSource): Promise<TensorFile> {
  if (source.sizeBytes < 8) throw invalidFile('it is too short for a safetensors header');
  const lengthBytes = await source.read(0, 8);
  const headerBytes = Number(new DataView(lengthBytes.buffer).getBigUint64(0, true));
  const dataStart = 8 + headerBytes;
  if (dataStart > source.sizeBytes) throw invalidFile('its header runs past the end of the file');
  if (headerBytes > MAX_HEADER_BYTES) throw invalidFile('its header is larger than 16 MiB');
  const header = parseJsonObject(await source.read(8, headerBytes), 'header');

  const metadata = new Map<string, string>();
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') {
      for (const [key, text] of Object.entries(asObject(value, 'its __metadata__'))) {
        if (typeof text !== 'string') throw invalidFile(`the metadata ${quoteName(key)} is not a text`);
        metadata.set(key, text);
      }
    } else tensors.set(name, readTensor(name, value, source, dataStart));
  }
  checkLayout(tensors.values(), dataStart, source.sizeBytes, 'refuse');
  return { format: 'safetensors', metadata, tensors };
}

function readTensor(name: string, value: unknown, source: ByteSource, dataStart: number): StoredTensor {
  const label = `tensor ${quoteName(name)}`;
  const { dtype, shape, data_offsets: offsets } = asObject(value, label);
  const type = typeof dtype === 'string' ? TYPES.get(dtype) : undefined;
  if (!type) throw invalidFile(`${label} has the type ${quoteName(String(dtype))}, which is not supported`);
  if (!isSizes(shape) || shape.length > MAX_DIMENSIONS) throw invalidFile(`the shape of ${label} is not a list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2) throw invalidFile(`the offsets of ${label} are not two sizes`);
  const [begin, end] = offsets as [number, number];
  if (begin > end || dataStart + end > source.sizeBytes) throw invalidFile(`the data of ${label} lies outside the file`);
  const sizeBytes = tensorSizeBytes(name, type, shape);
  if (end - begin !== sizeBytes) throw invalidFile(`${label} needs ${sizeBytes} bytes and has ${end - begin}`);
  return { name, shape, type, source, offset: dataStart + begin, sizeBytes };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Strict UTF-8, then JSON, then an object. Throws `invalid-file`, naming the part. */
export function parseJsonObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw invalidFile(`its ${what} is not JSON`, cause);
  }
  return asObject(value, `its ${what}`);
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidFile(`${what} is not an object`);
  return value as Record<string, unknown>;
}
