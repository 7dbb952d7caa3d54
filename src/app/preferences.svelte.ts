import type { BackendChoice, RunOptions } from '../engine/types';
import { readJson, writeJson, type KeyValueStore } from './stored-json';

const KEY = 'kinora.preferences';
type Precision = NonNullable<RunOptions['precision']>;

/** How clips are made on this device, as the user wants it; kept on this device. */
export class Preferences {
  #backend = $state<BackendChoice>('auto');
  #precision = $state<Precision>('exact');
  /** Null: as many as the device has. */
  #threads = $state<number | null>(null);
  #notify = $state(false);
  readonly #store: KeyValueStore | null;

  constructor(store: KeyValueStore | null) {
    this.#store = store;
    const saved = readJson<Record<string, unknown>>(store, KEY) ?? {};
    if (typeof saved['backend'] === 'string') this.#backend = saved['backend'] as BackendChoice; // checked by the engine, which says what it has
    if (saved['precision'] === 'fast') this.#precision = 'fast';
    if (Number.isInteger(saved['threads']) && (saved['threads'] as number) >= 1) this.#threads = saved['threads'] as number;
    this.#notify = saved['notify'] === true;
  }

  get backend(): BackendChoice {
    return this.#backend;
  }

  get precision(): Precision {
    return this.#precision;
  }

  get threads(): number | null {
    return this.#threads;
  }

  get notify(): boolean {
    return this.#notify;
  }

  /** What the engine is told with every clip. */
  get runOptions(): RunOptions {
    return { backend: this.#backend, precision: this.#precision, ...(this.#threads === null ? {} : { threads: this.#threads }) };
  }

  set(change: { backend?: BackendChoice; precision?: Precision; threads?: number | null; notify?: boolean }): void {
    if (change.backend !== undefined) this.#backend = change.backend;
    if (change.precision !== undefined) this.#precision = change.precision;
    if (change.threads !== undefined) this.#threads = change.threads;
    if (change.notify !== undefined) this.#notify = change.notify;
    writeJson(this.#store, KEY, { backend: this.#backend, precision: this.#precision, threads: this.#threads, notify: this.#notify });
  }
}
