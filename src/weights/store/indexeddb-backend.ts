import { createStore, del, get, keys, set, type UseStore } from 'idb-keyval';
import { KinoraError } from '../../errors';
import type { KeyValueStore, ModelRecord, StorageBackend, StorageSpace } from './storage-backend';

/**
 * Chunks and records in IndexedDB. One database a store: idb-keyval can't add a second store to a database.
 * Chunks are ArrayBuffers, not Blobs, which Safari loses when they are large (idb-keyval#62).
 */
export class IndexedDbBackend implements StorageBackend {
  readonly persistent = true;
  readonly chunks: KeyValueStore<ArrayBuffer>;
  readonly records: KeyValueStore<ModelRecord>;

  /** `name` sets the databases of one test apart from another's. */
  constructor(name = 'kinora') {
    this.chunks = keyValueStore<ArrayBuffer>(createStore(`${name}-weight-chunks`, 'chunks'));
    this.records = keyValueStore<ModelRecord>(createStore(`${name}-models`, 'records'));
  }

  async space(): Promise<StorageSpace | null> {
    const estimate = await globalThis.navigator?.storage?.estimate?.().catch(() => null);
    if (!estimate || estimate.quota === undefined || estimate.usage === undefined) return null;
    return { usedBytes: estimate.usage, quotaBytes: estimate.quota };
  }
}

function keyValueStore<Value>(store: UseStore): KeyValueStore<Value> {
  return {
    get: (key) => guard(() => get<Value>(key, store)),
    set: (key, value) => guard(() => set(key, value, store)),
    delete: (key) => guard(() => del(key, store)),
    keys: () => guard(() => keys<string>(store)),
  };
}

async function guard<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    // Chromium names it on the transaction; the plain DOMException and the newer QuotaExceededError class share the name.
    if (cause instanceof Error && cause.name === 'QuotaExceededError')
      throw new KinoraError('storage-full', 'There is no room left for the model.', 'Free some disk space, or remove another model.', {
        cause,
      });
    throw new KinoraError(
      'storage-unavailable',
      'This browser refuses to store the model.',
      'Leave private browsing, allow this site to store data, or free some disk space; then try again.',
      { cause },
    );
  }
}

/**
 * Asks the browser not to evict what is stored here. Only pages can ask (not workers), best on a click.
 * Resolves to whether it agreed, or null where it can't be asked.
 */
export async function requestPersistence(): Promise<boolean | null> {
  const storage = globalThis.navigator?.storage;
  if (!storage || typeof storage.persist !== 'function') return null;
  try {
    return (await storage.persisted()) || (await storage.persist());
  } catch {
    return null; // an opaque origin or a blocked site: the model still works until it is evicted
  }
}
