import type { ModelManifest } from '../manifest';

/** One flat map. Values are never listed, only keys: a model's chunks don't fit into memory together. */
export interface KeyValueStore<Value> {
  get(key: string): Promise<Value | undefined>;
  /** Throws `storage-full` when there is no room, `storage-unavailable` for any other failure. */
  set(key: string, value: Value): Promise<void>;
  delete(key: string): Promise<void>;
  keys(): Promise<string[]>;
}

/** What is known about a model on this device; written before its first chunk, and again, complete, after its last. */
export interface ModelRecord {
  readonly manifest: ModelManifest;
  /** The folder it came from, for fetching a damaged chunk again. */
  readonly baseUrl: string;
  readonly complete: boolean;
}

export interface StorageSpace {
  readonly usedBytes: number;
  readonly quotaBytes: number;
}

/** Where models are kept. IndexedDB in browsers; memory where that is refused, and in tests. */
export interface StorageBackend {
  /** Whether what is stored outlives the page. */
  readonly persistent: boolean;
  /** Chunks by `chunkKey`. */
  readonly chunks: KeyValueStore<ArrayBuffer>;
  /** By model id. */
  readonly records: KeyValueStore<ModelRecord>;
  /** Null where the browser doesn't say. */
  space(): Promise<StorageSpace | null>;
}

/** Chunks are found by their file's hash, so that two models share a file that both have. */
export function chunkKey(fileSha256: string, index: number): string {
  return `${fileSha256}/${index}`;
}
