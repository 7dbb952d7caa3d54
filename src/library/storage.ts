import { KinoraError } from '../errors';

/** One database of values by key. `update` reads and writes in one transaction, so that two tabs lose nothing. */
export interface ValueStore<T> {
  get(key: string): Promise<T | undefined>;
  getMany(keys: readonly string[]): Promise<(T | undefined)[]>;
  /** Every value; only ever called on the small records. */
  all(): Promise<T[]>;
  keys(): Promise<string[]>;
  set(key: string, value: T): Promise<void>;
  update(key: string, change: (before: T | undefined) => T): Promise<void>;
  delete(keys: readonly string[]): Promise<void>;
}

/** What a stored picture or video is: bytes and their type. ArrayBuffers, as blobs in IndexedDB get lost in some browsers. */
export interface StoredFile {
  readonly bytes: ArrayBuffer;
  readonly type: string;
}

/** The library's databases: records apart from bytes, so that listing reads no bytes. */
export interface ClipStorage<Record> {
  readonly records: ValueStore<Record>;
  readonly files: ValueStore<StoredFile>;
  readonly posters: ValueStore<StoredFile>;
  readonly latents: ValueStore<ArrayBuffer>;
}

/** What a store threw, as a KinoraError: `storage-full` when the disk or quota is, else `storage-unavailable`. */
export function toStorageError(thrown: unknown, doing: string): KinoraError {
  if (thrown instanceof KinoraError) return thrown;
  // Chromium also reports a full disk as an aborted transaction whose cause is the quota.
  const texts = [thrown, (thrown as { cause?: unknown } | null)?.cause].map((error) =>
    error instanceof Error ? `${error.name} ${error.message}` : String(error),
  );
  if (texts.some((text) => /quota|disk is full|no space/i.test(text)))
    return new KinoraError(
      'storage-full',
      `There is no room left on this device for ${doing}.`,
      'Nothing that was kept is lost. Delete some clips, or download this one now, then try again.',
      { cause: thrown },
    );
  return new KinoraError(
    'storage-unavailable',
    `The browser’s storage failed while ${doing === 'the clip' ? 'keeping the clip' : `working on ${doing}`}.`,
    'A private window or a browser setting may forbid it. Reload the page and try again; download what you want to keep.',
    { cause: thrown },
  );
}
