import type { KeyValueStore } from '../../src/app/stored-json';

/** localStorage in a Map; `refuses` makes every write fail, as a full or forbidden store does. */
export class MemoryStore implements KeyValueStore {
  readonly values = new Map<string, string>();
  refuses = false;

  getItem(key: string) {
    return this.values.get(key) ?? null;
  }

  setItem(key: string, value: string) {
    if (this.refuses) throw new DOMException('full', 'QuotaExceededError');
    this.values.set(key, value);
  }

  removeItem(key: string) {
    this.values.delete(key);
  }
}
