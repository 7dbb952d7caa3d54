import type { SpecInput } from '../engine/spec';
import { readJson, removeKey, writeJson, type KeyValueStore } from './stored-json';

const KEY = 'kinora.running';

/** What was running: kept while a clip is made, so that a page that went away can say what it interrupted. */
export interface RunMark {
  readonly spec: SpecInput;
  readonly step: number;
  readonly steps: number;
}

/** One mark a browser: only the tab whose turn it is writes it. */
export class RunMarks {
  readonly #store: KeyValueStore | null;

  constructor(store: KeyValueStore | null) {
    this.#store = store;
  }

  write(mark: RunMark): void {
    writeJson(this.#store, KEY, mark);
  }

  clear(): void {
    removeKey(this.#store, KEY);
  }

  /** The run that was cut off, or null. Ask only while no tab runs one. */
  read(): RunMark | null {
    const mark = readJson<Partial<RunMark>>(this.#store, KEY);
    if (typeof mark?.spec?.prompt !== 'string') return null;
    return { spec: mark.spec, step: Number(mark.step) || 0, steps: Number(mark.steps) || 0 };
  }
}
