import type { SpecInput } from '../engine/spec';
import { readJson, writeJson, type KeyValueStore } from './stored-json';

const KEY = 'kinora.presets';

/** Settings without a prompt and a seed, under a name of the user's. */
export interface Preset {
  readonly name: string;
  readonly settings: Omit<SpecInput, 'prompt' | 'seed'>;
}

/** The user's own presets, by name; kept on this device. */
export class Presets {
  #list = $state.raw<readonly Preset[]>([]);
  readonly #store: KeyValueStore | null;

  constructor(store: KeyValueStore | null) {
    this.#store = store;
    const saved = readJson<unknown>(store, KEY);
    if (Array.isArray(saved)) this.#list = saved.filter(isPreset);
  }

  get list(): readonly Preset[] {
    return this.#list;
  }

  /** Keeps settings under a name, in place of those that had it. */
  save(name: string, { prompt: _prompt, seed: _seed, ...settings }: SpecInput): void {
    const trimmed = name.trim().slice(0, 60);
    if (trimmed === '') return;
    this.#set([...this.#list.filter((preset) => preset.name !== trimmed), { name: trimmed, settings }]);
  }

  rename(name: string, to: string): void {
    const trimmed = to.trim().slice(0, 60);
    if (trimmed === '' || trimmed === name || this.#list.some((preset) => preset.name === trimmed)) return;
    this.#set(this.#list.map((preset) => (preset.name === name ? { ...preset, name: trimmed } : preset)));
  }

  remove(name: string): void {
    this.#set(this.#list.filter((preset) => preset.name !== name));
  }

  #set(list: readonly Preset[]): void {
    this.#list = list;
    writeJson(this.#store, KEY, list);
  }
}

function isPreset(value: unknown): value is Preset {
  const { name, settings } = (value ?? {}) as Partial<Record<keyof Preset, unknown>>;
  return typeof name === 'string' && typeof settings === 'object' && settings !== null;
}
