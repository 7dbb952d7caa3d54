import type { StorageType } from '../quantization/storage-types';
import type { ByteSource } from './byte-source';
import { readGgufMetadata } from './gguf-metadata';
import { type HeaderReader, readHeader } from './header-reader';
import {
  checkLayout,
  invalidFile,
  type MetadataValue,
  quoteName,
  type StoredTensor,
  type TensorFile,
  tensorSizeBytes,
} from './tensor-file';

/** ggml_type of the formats that can be read; ggml/include/ggml.h at d99724f. */
const TYPES = new Map<number, StorageType>([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [6, 'Q5_0'],
  [7, 'Q5_1'],
  [8, 'Q8_0'],
  [11, 'Q3_K'],
  [12, 'Q4_K'],
  [13, 'Q5_K'],
  [14, 'Q6_K'],
  [20, 'IQ4_NL'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [30, 'BF16'],
]);

/** ggml stops at 4; ComfyUI's video files have a 5-D patch embedding; 8 is PyTorch-sized headroom. */
const MAX_DIMENSIONS = 8;
const DEFAULT_ALIGNMENT = 32;
/** Far above any published model (a 14 B Wan has 1,095 tensors), so that the tables made for them stay small. */
const MAX_COUNT = 65536;
/** Name length, dimension count, type, offset: a tensor info without a name and dimensions. */
const SMALLEST_INFO_BYTES = 24;
/** Key length, value type, a one-byte value. */
const SMALLEST_METADATA_BYTES = 13;

export const GGUF_MAGIC = 0x46554747; // "GGUF", little-endian

/**
 * Reads the header of a GGUF file, version 2 or 3 (github.com/ggml-org/ggml/blob/master/docs/gguf.md).
 * Dimensions are turned round to PyTorch's order. Throws `invalid-file` for anything that ggml would not write.
 */
export async function parseGguf(source: ByteSource): Promise<TensorFile> {
  return readHeader(source, (reader) => parseHeader(reader, source));
}

function parseHeader(reader: HeaderReader, source: ByteSource): TensorFile {
  if (reader.u32() !== GGUF_MAGIC) throw invalidFile('it does not begin with GGUF');
  const version = reader.u32();
  if (version !== 2 && version !== 3)
    throw invalidFile(version === 0x2000000 || version === 0x3000000 ? 'it is big-endian' : `GGUF version ${version} is not supported`);
  const tensorCount = reader.size('tensor count');
  const metadataCount = reader.size('metadata count');
  if (tensorCount > MAX_COUNT || metadataCount > MAX_COUNT) throw invalidFile('it claims an absurd number of tensors or metadata values');
  reader.expect(tensorCount, SMALLEST_INFO_BYTES, 'tensors');
  reader.expect(metadataCount, SMALLEST_METADATA_BYTES, 'metadata values');

  const metadata = readGgufMetadata(reader, metadataCount);
  const alignment = alignmentOf(metadata.get('general.alignment'));
  const infos = [];
  const names = new Set<string>();
  for (let i = 0; i < tensorCount; i++) {
    const info = readTensorInfo(reader);
    if (names.has(info.name)) throw invalidFile(`tensor ${quoteName(info.name)} is there twice`);
    names.add(info.name);
    infos.push(info);
  }

  const dataStart = Math.ceil(reader.position / alignment) * alignment;
  const tensors = new Map<string, StoredTensor>();
  for (const { name, shape, type, offset } of infos) {
    if (offset % alignment !== 0) throw invalidFile(`the data of tensor ${quoteName(name)} is not aligned to ${alignment} bytes`);
    const sizeBytes = tensorSizeBytes(name, type, shape);
    // ggml pads every tensor, the last one too, so that a file which ends sooner has been cut.
    const paddedBytes = Math.ceil(sizeBytes / alignment) * alignment;
    if (dataStart + offset + paddedBytes > source.sizeBytes) throw invalidFile(`tensor ${quoteName(name)} runs past the end of the file`);
    tensors.set(name, { name, shape, type, source, offset: dataStart + offset, sizeBytes });
  }
  checkLayout(tensors.values(), dataStart, source.sizeBytes, 'allow');
  return { format: 'gguf', metadata, tensors };
}

function readTensorInfo(reader: HeaderReader): { name: string; shape: number[]; type: StorageType; offset: number } {
  const name = reader.text(reader.size('tensor name length'));
  const dimensionCount = reader.u32();
  if (dimensionCount > MAX_DIMENSIONS) throw invalidFile(`tensor ${quoteName(name)} has ${dimensionCount} dimensions`);
  const shape: number[] = [];
  for (let i = 0; i < dimensionCount; i++) {
    const dim = reader.size('dimension');
    if (dim === 0) throw invalidFile(`tensor ${quoteName(name)} has a dimension of 0`);
    shape.unshift(dim);
  }
  const id = reader.u32();
  const type = TYPES.get(id);
  if (!type) throw invalidFile(`tensor ${quoteName(name)} has ggml type ${id}, which is not supported`);
  return { name, shape, type, offset: reader.size('tensor offset') };
}

function alignmentOf(value: MetadataValue | undefined): number {
  if (value === undefined) return DEFAULT_ALIGNMENT;
  if (typeof value !== 'number' || !Number.isInteger(value) || value <= 0 || value > 2 ** 31 || (value & (value - 1)) !== 0)
    throw invalidFile('its alignment is not a power of two');
  return value;
}
