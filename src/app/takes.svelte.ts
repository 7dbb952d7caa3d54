import type { Clip } from '../engine/types';

/** What stands on the stage: one clip, or the versions of one prompt side by side, of which one may be looked at alone. */
export class Takes {
  #made = $state.raw<readonly Clip[]>([]);
  #group = $state<string | null>(null);
  #chosen = $state<number | null>(null);

  get made(): readonly Clip[] {
    return this.#made;
  }

  /** The versions that belong together, by the queue's name for them; null for a clip on its own. */
  get group(): string | null {
    return this.#group;
  }

  /** The one that is looked at alone, by its place; null while all stand side by side. */
  get chosen(): number | null {
    return this.#chosen;
  }

  get current(): Clip | null {
    return this.#made.length === 1 ? this.#made[0]! : this.#chosen === null ? null : (this.#made[this.#chosen] ?? null);
  }

  /** A run of a group begins: clips of another group make room when the first of this one is there. */
  begin(group: string | null): void {
    if (group !== null && group === this.#group) return;
    this.#group = group;
    this.#isFresh = true;
  }

  add(made: Clip): void {
    this.#made = this.#isFresh ? [made] : [...this.#made, made];
    this.#isFresh = false;
    this.#chosen = null;
  }

  /** Versions of the present group that are there. */
  get ofGroup(): readonly Clip[] {
    return this.#isFresh ? [] : this.#made;
  }

  /** Looks at one alone; null shows all again. */
  choose(place: number | null): void {
    this.#chosen = place;
  }

  #isFresh = $state(true);
}
