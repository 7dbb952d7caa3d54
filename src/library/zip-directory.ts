import { Inflate } from 'fflate';
import { badArchive } from './archive-format';

/** A file in a zip, as its central directory describes it. */
export interface ZipEntry {
  readonly name: string;
  readonly sizeBytes: number;
  readonly packedBytes: number;
  /** 0: stored; 8: deflate. */
  readonly method: number;
  /** Of its local header. */
  readonly offset: number;
}

/** Sizes of the fixed parts, and signatures, of APPNOTE.TXT 6.3.10, 4.3.7, 4.3.12 and 4.3.16. */
const END = { signature: 0x06054b50, bytes: 22 };
const CENTRAL = { signature: 0x02014b50, bytes: 46 };
const LOCAL = { signature: 0x04034b50, bytes: 30 };
const MAX_COMMENT = 0xffff;
const MAX_DIRECTORY_BYTES = 32 << 20;
const INFLATE_STEP = 64 << 10;

/**
 * The files in a zip. Only its end is read. Throws `invalid-file` for what is no zip, for 64-bit and encrypted ones, and for one whose
 * files would take more bytes than it has.
 */
export async function readZipDirectory(zip: Blob): Promise<ZipEntry[]> {
  const tailStart = Math.max(0, zip.size - END.bytes - MAX_COMMENT);
  const tail = await view(zip, tailStart, zip.size);
  let end = tail.byteLength - END.bytes;
  while (end >= 0 && tail.getUint32(end, true) !== END.signature) end--;
  if (end < 0) throw badArchive('it is not a zip, or its end is missing');
  const count = tail.getUint16(end + 10, true);
  const sizeBytes = tail.getUint32(end + 12, true);
  const start = tail.getUint32(end + 16, true);
  if (count === 0xffff || start === 0xffffffff) throw badArchive('it is larger than a plain zip can be');
  if (sizeBytes > MAX_DIRECTORY_BYTES || start + sizeBytes > tailStart + end) throw badArchive('its directory lies outside the file');

  const directory = await view(zip, start, start + sizeBytes);
  const entries: ZipEntry[] = [];
  let at = 0;
  let packed = 0;
  for (let index = 0; index < count; index++) {
    if (at + CENTRAL.bytes > directory.byteLength || directory.getUint32(at, true) !== CENTRAL.signature)
      throw badArchive('its directory is damaged');
    const nameLength = directory.getUint16(at + 28, true);
    const nameStart = at + CENTRAL.bytes;
    if (nameStart + nameLength > directory.byteLength) throw badArchive('its directory is damaged');
    if (directory.getUint16(at + 8, true) & 1) throw badArchive('it is encrypted');
    const entry = {
      name: new TextDecoder().decode(new Uint8Array(directory.buffer, directory.byteOffset + nameStart, nameLength)),
      method: directory.getUint16(at + 10, true),
      packedBytes: directory.getUint32(at + 20, true),
      sizeBytes: directory.getUint32(at + 24, true),
      offset: directory.getUint32(at + 42, true),
    };
    packed += entry.packedBytes;
    // Entries that share their bytes are how zip bombs are made.
    if (packed > zip.size) throw badArchive('its files overlap');
    entries.push(entry);
    at = nameStart + nameLength + directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
  }
  return entries;
}

/** The content of one file. Throws `invalid-file` where it is damaged, or larger than it says or than `maxBytes`. */
export async function readZipEntry(zip: Blob, entry: ZipEntry, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  if (entry.sizeBytes > maxBytes) throw badArchive(`${entry.name} is larger than ${maxBytes} bytes`);
  const header = await view(zip, entry.offset, entry.offset + LOCAL.bytes);
  if (header.byteLength < LOCAL.bytes || header.getUint32(0, true) !== LOCAL.signature) throw badArchive(`${entry.name} is damaged`);
  const start = entry.offset + LOCAL.bytes + header.getUint16(26, true) + header.getUint16(28, true);
  if (start + entry.packedBytes > zip.size) throw badArchive(`${entry.name} is cut off`);
  const packed = new Uint8Array(await zip.slice(start, start + entry.packedBytes).arrayBuffer());
  if (entry.method === 0) {
    if (packed.length !== entry.sizeBytes) throw badArchive(`${entry.name} is damaged`);
    return packed;
  }
  if (entry.method !== 8) throw badArchive(`${entry.name} is packed in a way that is not read here`);
  return inflate(packed, entry);
}

function inflate(packed: Uint8Array<ArrayBuffer>, { name, sizeBytes }: ZipEntry): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(sizeBytes);
  let length = 0;
  const stream = new Inflate((piece) => {
    if (length + piece.length > sizeBytes) throw badArchive(`${name} is larger than it says`);
    out.set(piece, length);
    length += piece.length;
  });
  try {
    for (let at = 0; at < packed.length; at += INFLATE_STEP)
      stream.push(packed.subarray(at, at + INFLATE_STEP), at + INFLATE_STEP >= packed.length);
  } catch (thrown) {
    throw badArchive(`${name} is damaged`, thrown);
  }
  if (length !== sizeBytes) throw badArchive(`${name} is damaged`);
  return out;
}

async function view(blob: Blob, start: number, end: number): Promise<DataView<ArrayBuffer>> {
  return new DataView(await blob.slice(start, end).arrayBuffer());
}
