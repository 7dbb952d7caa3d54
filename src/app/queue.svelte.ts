import type { SpecInput } from '../engine/spec';
import { readJson, removeKey, writeJson, type KeyValueStore } from './stored-json';

const KEY = 'kinora.queue';
/** More than anybody waits for; a stored list from elsewhere may hold anything. */
export const MAX_WAITING = 200;

export interface QueueItem {
  readonly id: string;
  readonly spec: SpecInput;
  /** Versions of one prompt share it: they are shown side by side. */
  readonly group: string;
}

/**
 * Clips that wait to be made, in their order. One tab owns the stored list and keeps it over a reload; the queues of other tabs last
 * as long as they do, or until the owner goes and `restore` makes one of them the owner.
 */
export class Queue {
  #items = $state.raw<readonly QueueItem[]>([]);
  #isOwner = false;
  readonly #store: KeyValueStore | null;
  #lastId = 0;

  constructor(store: KeyValueStore | null) {
    this.#store = store;
  }

  get items(): readonly QueueItem[] {
    return this.#items;
  }

  /** Takes the stored list over: what waited before comes before what was added here meanwhile. */
  restore(): void {
    this.#isOwner = true;
    const saved = readJson<unknown>(this.#store, KEY);
    const before = Array.isArray(saved) ? saved.filter(isItem) : [];
    this.#set([...before, ...this.#items].slice(0, MAX_WAITING));
  }

  /** Adds specs that belong together. Returns how many found room. */
  add(specs: readonly SpecInput[]): number {
    const room = specs.slice(0, Math.max(0, MAX_WAITING - this.#items.length));
    const group = this.#newId();
    this.#set([...this.#items, ...room.map((spec) => ({ id: this.#newId(), spec, group }))]);
    return room.length;
  }

  /** Takes the first one out, to be made. */
  take(): QueueItem | undefined {
    const [first, ...rest] = this.#items;
    if (first) this.#set(rest);
    return first;
  }

  remove(id: string): void {
    this.#set(this.#items.filter((item) => item.id !== id));
  }

  clear(): void {
    this.#set([]);
  }

  /** Moves an item by so many places, as far as the list goes. */
  move(id: string, by: number): void {
    const from = this.#items.findIndex((item) => item.id === id);
    if (from < 0) return;
    const items = [...this.#items];
    const [item] = items.splice(from, 1);
    items.splice(Math.min(items.length, Math.max(0, from + by)), 0, item!);
    this.#set(items);
  }

  #set(items: readonly QueueItem[]): void {
    this.#items = items;
    if (!this.#isOwner) return;
    if (items.length > 0) writeJson(this.#store, KEY, items);
    else removeKey(this.#store, KEY);
  }

  #newId(): string {
    return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 6)}-${(this.#lastId += 1)}`;
  }
}

/** The spec itself is checked by the engine. */
function isItem(value: unknown): value is QueueItem {
  const { id, spec, group } = (value ?? {}) as Partial<Record<keyof QueueItem, unknown>>;
  return typeof id === 'string' && typeof group === 'string' && typeof (spec as SpecInput | null)?.prompt === 'string';
}
