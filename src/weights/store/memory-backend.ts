import { KinoraError } from '../../errors';
import type { KeyValueStore, ModelRecord, StorageBackend, StorageSpace } from './storage-backend';

/** Keeps everything until the page closes. `quotaBytes` limits the chunks, as a browser's quota does. */
export class MemoryBackend implements StorageBackend {
  readonly persistent = false;
  readonly chunks: KeyValueStore<ArrayBuffer>;
  readonly records: KeyValueStore<ModelRecord>;
  #chunks = new Map<string, ArrayBuffer>();
  #quotaBytes: number;

  constructor(quotaBytes = Infinity) {
    this.#quotaBytes = quotaBytes;
    this.chunks = mapStore(this.#chunks, (key, value) => {
      if (this.#usedBytes() - (this.#chunks.get(key)?.byteLength ?? 0) + value.byteLength > quotaBytes)
        throw new KinoraError('storage-full', 'There is no room left for the model.', 'Free some memory, or remove another model.');
    });
    this.records = mapStore(new Map<string, ModelRecord>());
  }

  async space(): Promise<StorageSpace | null> {
    return this.#quotaBytes === Infinity ? null : { usedBytes: this.#usedBytes(), quotaBytes: this.#quotaBytes };
  }

  #usedBytes(): number {
    let sum = 0;
    for (const chunk of this.#chunks.values()) sum += chunk.byteLength;
    return sum;
  }
}

/** Values are copied in and out, as IndexedDB does. */
function mapStore<Value>(map: Map<string, Value>, check?: (key: string, value: Value) => void): KeyValueStore<Value> {
  return {
    get: async (key) => structuredClone(map.get(key)),
    set: async (key, value) => {
      check?.(key, value);
      map.set(key, structuredClone(value));
    },
    delete: async (key) => void map.delete(key),
    keys: async () => [...map.keys()],
  };
}
