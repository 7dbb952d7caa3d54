import { removeKey, type KeyValueStore } from './stored-json';

export type ThemeChoice = 'system' | 'dark' | 'light';
const KEY = 'kinora.theme'; // public/theme.js reads it before the first paint

/** Follows the system until the user chooses; the choice is kept on this device. */
export class Theme {
  #choice = $state<ThemeChoice>('system');
  readonly #store: KeyValueStore | null;
  readonly #root: { dataset: Record<string, string | undefined> };

  constructor(store: KeyValueStore | null, root: { dataset: Record<string, string | undefined> }) {
    this.#store = store;
    this.#root = root;
    const stored = safely(() => store?.getItem(KEY));
    if (stored === 'dark' || stored === 'light') this.choose(stored);
  }

  get choice(): ThemeChoice {
    return this.#choice;
  }

  choose(choice: ThemeChoice): void {
    this.#choice = choice;
    if (choice === 'system') {
      delete this.#root.dataset['theme'];
      removeKey(this.#store, KEY);
    } else {
      this.#root.dataset['theme'] = choice;
      safely(() => this.#store?.setItem(KEY, choice));
    }
  }

  /** system → dark → light → system. */
  next(): void {
    this.choose(this.#choice === 'system' ? 'dark' : this.#choice === 'dark' ? 'light' : 'system');
  }
}

function safely<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined; // storage refused: the theme still changes, it just isn't remembered
  }
}
