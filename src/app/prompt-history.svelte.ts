import { readJson, writeJson, type KeyValueStore } from './stored-json';

const KEY = 'kinora.prompts';
const MOST = 50;

/** Prompts that clips were made of, the newest first, each once. */
export class PromptHistory {
  #prompts = $state.raw<readonly string[]>([]);
  readonly #store: KeyValueStore | null;

  constructor(store: KeyValueStore | null) {
    this.#store = store;
    const saved = readJson<unknown>(store, KEY);
    if (Array.isArray(saved)) this.#prompts = saved.filter((prompt) => typeof prompt === 'string').slice(0, MOST);
  }

  get prompts(): readonly string[] {
    return this.#prompts;
  }

  add(prompt: string): void {
    this.#prompts = [prompt, ...this.#prompts.filter((known) => known !== prompt)].slice(0, MOST);
    writeJson(this.#store, KEY, this.#prompts);
  }

  clear(): void {
    this.#prompts = [];
    writeJson(this.#store, KEY, []);
  }
}
