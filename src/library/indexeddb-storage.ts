import { createStore, delMany, get, getMany, keys, set, update, values, type UseStore } from 'idb-keyval';
import type { ClipStorage, StoredFile, ValueStore } from './storage';

/** One database a store: idb-keyval can't add a second store to a database that exists. */
class IndexedDbValues<T> implements ValueStore<T> {
  readonly #name: string;
  #store: UseStore | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  /** Opened at the first use: a page that never shows the library opens nothing. */
  get #opened(): UseStore {
    return (this.#store ??= createStore(this.#name, 'values'));
  }

  get(key: string) {
    return get<T>(key, this.#opened);
  }

  getMany(wanted: readonly string[]) {
    return getMany<T>([...wanted], this.#opened);
  }

  all() {
    return values<T>(this.#opened);
  }

  keys() {
    return keys<string>(this.#opened);
  }

  set(key: string, value: T) {
    return set(key, value, this.#opened);
  }

  update(key: string, change: (before: T | undefined) => T) {
    return update<T>(key, change, this.#opened);
  }

  delete(unwanted: readonly string[]) {
    return delMany([...unwanted], this.#opened);
  }
}

/** The library's four databases in this browser, `PREFIX-records`, `-files`, `-posters` and `-latents`. */
export function indexedDbStorage<Record>(prefix = 'kinora-clips'): ClipStorage<Record> {
  return {
    records: new IndexedDbValues<Record>(`${prefix}-records`),
    files: new IndexedDbValues<StoredFile>(`${prefix}-files`),
    posters: new IndexedDbValues<StoredFile>(`${prefix}-posters`),
    latents: new IndexedDbValues<ArrayBuffer>(`${prefix}-latents`),
  };
}
