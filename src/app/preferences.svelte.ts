import { BACKEND_CHOICES, type BackendChoice, type RunOptions } from '../engine/types';
import { readJson, writeJson, type KeyValueStore } from './stored-json';

const KEY = 'kinora.preferences';
export type Precision = NonNullable<RunOptions['precision']>;
export const PRECISIONS: readonly Precision[] = ['exact', 'fast'];

/** How clips are made on this device, as the user wants it; kept on this device. */
export class Preferences {
  #backend = $state<BackendChoice>('auto');
  /** Null: the engine's own default. */
  #precision = $state<Precision | null>(null);
  /** Null: as many as the device has. */
  #threads = $state<number | null>(null);
  #notify = $state(false);
  readonly #store: KeyValueStore | null;

  constructor(store: KeyValueStore | null) {
    this.#store = store;
    const saved = readJson<Record<string, unknown>>(store, KEY) ?? {};
    this.#backend = BACKEND_CHOICES.find((choice) => choice === saved['backend']) ?? 'auto';
    this.#precision = PRECISIONS.find((precision) => precision === saved['precision']) ?? null;
    if (Number.isInteger(saved['threads']) && (saved['threads'] as number) >= 1) this.#threads = saved['threads'] as number;
    this.#notify = saved['notify'] === true;
  }

  get backend(): BackendChoice {
    return this.#backend;
  }

  get precision(): Precision | null {
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
    return {
      backend: this.#backend,
      ...(this.#precision === null ? {} : { precision: this.#precision }),
      ...(this.#threads === null ? {} : { threads: this.#threads }),
    };
  }

  set(change: { backend?: BackendChoice; precision?: Precision | null; threads?: number | null; notify?: boolean }): void {
    if (change.backend !== undefined) this.#backend = change.backend;
    if (change.precision !== undefined) this.#precision = change.precision;
    if (change.threads !== undefined) this.#threads = change.threads;
    if (change.notify !== undefined) this.#notify = change.notify;
    writeJson(this.#store, KEY, { backend: this.#backend, precision: this.#precision, threads: this.#threads, notify: this.#notify });
  }
}
