import type { ByteSource } from './byte-source';
import { invalidFile } from './tensor-file';

/** More header than any published file has (UMT5-XXL's 256,384 tokens take 8 MiB), and little enough to hold in memory. */
const MAX_HEADER_BYTES = 64 * 2 ** 20;
const FIRST_READ_BYTES = 2 ** 16;

/** Thrown inside a header parser when it needs bytes that have not been read yet; never leaves `readHeader`. */
class NeedsMore {
  readonly bytes: number;
  constructor(bytes: number) {
    this.bytes = bytes;
  }
}

/**
 * A forward-only little-endian reader over the beginning of a file. Lengths that a file claims are checked
 * against the file's real size before anything is allocated for them.
 */
export class HeaderReader {
  #bytes: Uint8Array;
  #view: DataView;
  #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #at = 0;
  readonly fileSizeBytes: number;

  constructor(bytes: Uint8Array, fileSizeBytes: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.fileSizeBytes = fileSizeBytes;
  }

  get position(): number {
    return this.#at;
  }

  /** Moves past `length` bytes and returns where they began. Throws `invalid-file` when the file has fewer. */
  #take(length: number): number {
    const end = this.#at + length;
    if (end > this.fileSizeBytes) throw invalidFile('it ends inside its header');
    if (end > this.#bytes.length) throw new NeedsMore(end);
    const start = this.#at;
    this.#at = end;
    return start;
  }

  /** Throws `invalid-file` unless `count` items of at least `itemBytes` fit into the rest of the file. */
  expect(count: number, itemBytes: number, what: string): void {
    if (count * itemBytes > this.fileSizeBytes - this.#at) throw invalidFile(`it claims ${count} ${what}, more than it can hold`);
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const start = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(start, start + length));
  }

  u8 = () => this.#view.getUint8(this.#take(1));
  i8 = () => this.#view.getInt8(this.#take(1));
  u16 = () => this.#view.getUint16(this.#take(2), true);
  i16 = () => this.#view.getInt16(this.#take(2), true);
  u32 = () => this.#view.getUint32(this.#take(4), true);
  i32 = () => this.#view.getInt32(this.#take(4), true);
  f32 = () => this.#view.getFloat32(this.#take(4), true);
  f64 = () => this.#view.getFloat64(this.#take(8), true);
  u64 = () => this.#view.getBigUint64(this.#take(8), true);
  i64 = () => this.#view.getBigInt64(this.#take(8), true);

  /** A 64-bit length, count or offset. Throws `invalid-file` above 2^53. */
  size(what: string): number {
    const start = this.#take(8);
    const high = this.#view.getUint32(start + 4, true);
    if (high >= 2 ** 21) throw invalidFile(`its ${what} is absurd`);
    return high * 2 ** 32 + this.#view.getUint32(start, true);
  }

  /** `length` bytes of UTF-8. Throws `invalid-file` when they are not. */
  text(length: number): string {
    const start = this.#take(length);
    // Short ASCII strings, of which a vocabulary has hundreds of thousands, skip the decoder's overhead.
    if (length <= 16) {
      let ascii = '';
      for (let i = 0; i < length; i++) {
        const byte = this.#bytes[start + i]!;
        if (byte >= 128) break;
        ascii += String.fromCharCode(byte);
      }
      if (ascii.length === length) return ascii;
    }
    try {
      return this.#decoder.decode(this.#bytes.subarray(start, start + length));
    } catch (cause) {
      throw invalidFile('a text in its header is not UTF-8', cause);
    }
  }
}

/**
 * Runs a header parser over the beginning of a file, reading only as much as it turns out to need: the parser
 * starts again from the top with twice the bytes whenever it runs out. Throws `invalid-file` above 64 MiB.
 */
export async function readHeader<T>(source: ByteSource, parse: (reader: HeaderReader) => T): Promise<T> {
  let have = Math.min(source.sizeBytes, FIRST_READ_BYTES);
  for (;;) {
    const bytes = await source.read(0, have);
    try {
      return parse(new HeaderReader(bytes, source.sizeBytes));
    } catch (thrown) {
      if (!(thrown instanceof NeedsMore)) throw thrown;
      if (thrown.bytes > MAX_HEADER_BYTES) throw invalidFile('its header is larger than 64 MiB');
      have = Math.min(source.sizeBytes, MAX_HEADER_BYTES, Math.max(thrown.bytes, have * 2));
    }
  }
}
