const SCREENS = ['create', 'library', 'models', 'settings'] as const;
export type Screen = (typeof SCREENS)[number];

/** The part of `window` that tells and changes the address. */
export interface AddressBar {
  readonly location: { hash: string };
  addEventListener(name: 'hashchange', listener: () => void): void;
}

/** Which screen shows, as the address behind the # says: links, reloads and the back button work on any host, under any path. */
export class Screens {
  #current = $state<Screen>('create');
  readonly #bar: AddressBar;
  readonly #onOther: (hash: string) => void;

  /** `onOther` is told of a hash that names no screen: a link that carries settings, say. */
  constructor(bar: AddressBar, onOther: (hash: string) => void = () => undefined) {
    this.#bar = bar;
    this.#onOther = onOther;
    this.#read();
    bar.addEventListener('hashchange', () => this.#read());
  }

  get current(): Screen {
    return this.#current;
  }

  go(screen: Screen): void {
    this.#bar.location.hash = hashOf(screen);
    this.#current = screen;
  }

  #read(): void {
    const { hash } = this.#bar.location;
    const name = hash.replace(/^#\/?/, '');
    const screen = SCREENS.find((candidate) => candidate === name);
    this.#current = screen ?? 'create';
    if (!screen && name !== '') this.#onOther(hash);
  }
}

export function hashOf(screen: Screen): string {
  return screen === 'create' ? '#/' : `#/${screen}`;
}
