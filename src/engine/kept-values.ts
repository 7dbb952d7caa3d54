import { createStore, del, get, set } from 'idb-keyval';
import type { KeptValues } from './environment';

/**
 * Values in a database of their own (idb-keyval holds one store a database). Where IndexedDB is refused (some private modes),
 * nothing is found, and a write rejects.
 */
export function indexedDbValues(name = 'kinora-engine'): KeptValues {
  const store = createStore(name, 'values');
  return {
    get: (key) => get<unknown>(key, store).catch(() => undefined),
    set: (key, value) => set(key, value, store),
    delete: (key) => del(key, store),
  };
}
