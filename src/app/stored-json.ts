/** The part of `Storage` that the page uses. */
export type KeyValueStore = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** localStorage, or null where the browser refuses it (then nothing is remembered, and nothing breaks). */
export function openLocalStore(): KeyValueStore | null {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}

/** A stored value, or null where there is none or it isn't JSON. The caller checks its fields. */
export function readJson<T>(store: KeyValueStore | null, key: string): T | null {
  try {
    const text = store?.getItem(key);
    return text ? (JSON.parse(text) as T) : null;
  } catch {
    return null;
  }
}

/** Stores a value; a store that is full or refused only means that it isn't remembered. */
export function writeJson(store: KeyValueStore | null, key: string, value: unknown): void {
  try {
    store?.setItem(key, JSON.stringify(value));
  } catch {
    // Preferences and drafts are a convenience: the page works the same without them.
  }
}

export function removeKey(store: KeyValueStore | null, key: string): void {
  try {
    store?.removeItem(key);
  } catch {
    // As above.
  }
}
