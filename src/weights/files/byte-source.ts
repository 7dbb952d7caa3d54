import { KinoraError } from '../../errors';

/**
 * Random access to the bytes of a file, wherever it is: memory, a Blob, a store of chunks.
 * `read` resolves to exactly `length` bytes that belong to the caller.
 */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Throws `invalid-file` when the range is not inside the file. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Throws `invalid-file` unless [offset, offset + length) lies inside a file of `sizeBytes`. */
export function checkRange(sizeBytes: number, offset: number, length: number): void {
  if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && offset + length <= sizeBytes))
    throw new KinoraError(
      'invalid-file',
      `The file ends before byte ${offset + length}; it has ${sizeBytes}.`,
      'The file is cut short or damaged: fetch it again.',
    );
}

/** A file that is in memory already. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.length,
    read: async (offset, length) => {
      checkRange(bytes.length, offset, length);
      return new Uint8Array(bytes.subarray(offset, offset + length)); // not slice(): a Node Buffer's would share memory
    },
  };
}

/** A file that the user picked or dropped. A Blob that can't be read any more (moved, changed on disk) is `invalid-file`. */
export function blobSource(blob: Blob): ByteSource {
  return {
    sizeBytes: blob.size,
    read: async (offset, length) => {
      checkRange(blob.size, offset, length);
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (cause) {
        throw new KinoraError('invalid-file', 'The file can no longer be read.', 'Choose it again: it was moved or changed.', { cause });
      }
    },
  };
}
