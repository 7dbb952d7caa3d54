import { getContext, onDestroy, setContext, untrack } from 'svelte';

/** One thing that can be done, behind its button, its shortcut and its line in the palette. */
export interface Action {
  readonly id: string;
  /** What the palette lists. A getter where the words depend on how things stand: “Pause” or “Play”. */
  readonly name: string;
  /** What its button says, where that is shorter than the name. */
  readonly label?: string | undefined;
  /** Other words that people look for it by. */
  readonly keywords?: string;
  /** What its button says on hover, where name and label leave something open. */
  readonly hint?: string;
  /** Keys as `KeyboardEvent.key` names them; `Mod` is Ctrl, or ⌘ on Apple's systems: `Mod+Enter`. Always with a modifier. */
  readonly shortcut?: string;
  /** False: not to be done just now; it is then neither offered nor done. */
  readonly enabled?: () => boolean;
  readonly perform: () => void;
}

type KeyPress = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'repeat'>;

/** Everything that can be done on the page. Screens register what is theirs for as long as they stand. */
export class Actions {
  /** A component that goes may still be shown what stood before its successor came (Svelte's state, as an effect ends); this is as it is. */
  #present: readonly Action[] = [];
  #all = $state.raw<readonly Action[]>([]);

  get all(): readonly Action[] {
    return this.#all;
  }

  /** Adds actions; the returned function takes them away. An id that is there already is replaced. */
  register(...actions: readonly Action[]): () => void {
    const isNew = (known: Action) => !actions.some(({ id }) => id === known.id);
    this.#set([...this.#present.filter(isNew), ...actions]);
    return () => this.#set(this.#present.filter((action) => !actions.includes(action)));
  }

  #set(actions: readonly Action[]): void {
    this.#present = actions;
    this.#all = actions;
  }

  get(id: string): Action | undefined {
    return this.#all.find((action) => action.id === id);
  }

  /** Performs an action, if it may be done now. */
  run(id: string): void {
    const action = this.get(id);
    if (action && isEnabled(action)) action.perform();
  }

  /** Performs the action whose shortcut was pressed; false when none was. */
  press(event: KeyPress): boolean {
    if (event.repeat) return false; // a key that is held down is one wish
    const action = this.#all.find((candidate) => candidate.shortcut && isShortcut(candidate.shortcut, event) && isEnabled(candidate));
    action?.perform();
    return action !== undefined;
  }

  /** What a search finds, best first: names that begin with the words, then any others that hold them all. */
  find(words: string): Action[] {
    const allowed = this.#all.filter(isEnabled);
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    if (wanted.length === 0) return allowed;
    const matches = allowed.filter(({ name, keywords = '' }) => wanted.every((word) => `${name} ${keywords}`.toLowerCase().includes(word)));
    const rank = ({ name }: Action) => (name.toLowerCase().startsWith(wanted[0]!) ? 0 : name.toLowerCase().includes(wanted[0]!) ? 1 : 2);
    return matches.sort((a, b) => rank(a) - rank(b));
  }
}

export function isEnabled({ enabled }: Action): boolean {
  return enabled?.() ?? true;
}

/** Whether a key press is a shortcut: exactly its modifiers, no others. */
export function isShortcut(shortcut: string, event: KeyPress): boolean {
  const keys = shortcut.split('+');
  if (event.key.toLowerCase() !== keys.at(-1)!.toLowerCase() || event.altKey) return false;
  return keys.includes('Mod') === (event.ctrlKey || event.metaKey) && keys.includes('Shift') === event.shiftKey;
}

/** A shortcut as this system writes it. */
export function formatShortcut(shortcut: string, isApple: boolean): string {
  return shortcut
    .split('+')
    .map((key) => (key === 'Mod' ? (isApple ? '⌘' : 'Ctrl') : key.length === 1 ? key.toUpperCase() : key))
    .join(isApple ? '' : '+');
}

/** Only for labels; both keys always work. */
export const isApple = (): boolean => /Mac|iPhone|iPad/.test(globalThis.navigator?.userAgent ?? '');

const KEY = Symbol('actions');

export function provideActions(actions: Actions): void {
  setContext(KEY, actions);
}

export function useActions(): Actions {
  return getContext<Actions>(KEY);
}

/** Adds actions for as long as the component that calls it stands. */
export function registerActions(...actions: readonly Action[]): void {
  const all = useActions();
  // What a component adds must not become something that it depends on.
  onDestroy(untrack(() => all.register(...actions)));
}
