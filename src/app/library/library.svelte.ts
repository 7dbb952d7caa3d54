import { SvelteSet } from 'svelte/reactivity';
import { searchableText, searchClips, type Clips, type LibraryUsage, type SortOrder, type StoredClip } from '../../engine/clips';
import { toKinoraError, type KinoraError } from '../../errors';
import { MeaningSearch, type Embedder } from './meaning-search.svelte';

export const SORT_NAMES: Readonly<Record<SortOrder, string>> = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  name: 'By name',
  longest: 'Longest first',
  largest: 'Largest first',
};

/** Well after the first pictures. */
const TIDY_AFTER_MS = 4000;

export interface LibraryServices {
  readonly clips: Clips;
  readonly embedder: Embedder;
  /** Bytes that the browser grants this site, or null where it doesn't say. */
  readonly quotaBytes?: () => Promise<number | null>;
}

/** The clips on this device: what is shown of them, what is selected, what can be undone. */
export class Library {
  text = $state('');
  sort = $state<SortOrder>('newest');
  favouritesOnly = $state(false);
  readonly selection = new SvelteSet<string>();
  readonly meaning: MeaningSearch;
  #records = $state.raw<readonly StoredClip[]>([]);
  #state = $state<'loading' | 'ready' | 'failed'>('loading');
  #error = $state.raw<KinoraError | null>(null);
  #quotaBytes = $state<number | null>(null);
  /** The clips that were removed last, until they are restored or the offer ends. */
  #removed = $state.raw<readonly StoredClip[]>([]);
  #announcement = $state('');
  readonly #texts = new WeakMap<StoredClip, string>();
  readonly #services: LibraryServices;
  #unsubscribe: (() => void) | null = null;
  #tidying: ReturnType<typeof setTimeout> | undefined;

  /** What the search, the filter and the order leave, in the order shown. */
  readonly found: readonly StoredClip[] = $derived.by(() =>
    searchClips(
      this.#records,
      { text: this.text, embedding: this.meaning.embeddingOf(this.text), favouritesOnly: this.favouritesOnly, sort: this.sort },
      (record) => this.#textOf(record),
    ),
  );
  /** What the clips take, and those that can still be brought back. Not read again from the store: a thousand records take a while. */
  readonly usage: LibraryUsage = $derived.by(() => {
    const bytesOf = (records: readonly StoredClip[]) => records.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
    return { clips: this.#records.length, bytes: bytesOf(this.#records), removedBytes: bytesOf(this.#removed) };
  });
  readonly selected: readonly StoredClip[] = $derived(this.found.filter(({ id }) => this.selection.has(id)));

  constructor(services: LibraryServices) {
    this.#services = services;
    this.meaning = new MeaningSearch(services.clips, services.embedder);
  }

  get clips(): Clips {
    return this.#services.clips;
  }

  get state() {
    return this.#state;
  }

  /** What went wrong last; stands until something succeeds. */
  get error(): KinoraError | null {
    return this.#error;
  }

  get all(): readonly StoredClip[] {
    return this.#records;
  }

  get quotaBytes(): number | null {
    return this.#quotaBytes;
  }

  get removed(): readonly StoredClip[] {
    return this.#removed;
  }

  /** For screen readers: what was just done. */
  get announcement(): string {
    return this.#announcement;
  }

  clip(id: string | null): StoredClip | null {
    return this.#records.find((record) => record.id === id) ?? null;
  }

  /** Reads the records, and follows what changes, here or in another tab. Never rejects. */
  async open(): Promise<void> {
    this.#unsubscribe = this.clips.subscribe((ids) => void this.#refresh(ids));
    await this.#attempt(async () => {
      this.#records = await this.clips.list();
      this.#state = 'ready';
    });
    if (this.#error) this.#state = 'failed';
    await this.#measure();
    // Leftovers of earlier pages: nothing that anyone waits for. What fails is tried at the next opening.
    this.#tidying = setTimeout(() => void this.clips.tidy().catch(() => undefined), TIDY_AFTER_MS);
  }

  close(): void {
    this.#unsubscribe?.();
    clearTimeout(this.#tidying);
    this.meaning.close();
  }

  /** Call when the words change: looks for meaning too, where the model is at hand. */
  search(text: string): void {
    this.text = text;
    this.meaning.look(text, this.#records);
  }

  rename(id: string, name: string): Promise<void> {
    return this.#attempt(() => this.clips.rename(id, name), 'Renamed.');
  }

  setFavourite(ids: readonly string[], favourite: boolean): Promise<void> {
    return this.#attempt(() => this.clips.setFavourite(ids, favourite), favourite ? 'Added to favourites.' : 'Taken out of favourites.');
  }

  toggleSelected(id: string): void {
    if (!this.selection.delete(id)) this.selection.add(id);
  }

  /** Selects all from the one clip to the other, as shown. */
  selectRange(fromId: string, toId: string): void {
    const ids = this.found.map(({ id }) => id);
    const [from, to] = [ids.indexOf(fromId), ids.indexOf(toId)].sort((a, b) => a - b) as [number, number];
    if (from < 0) return this.toggleSelected(toId);
    for (const id of ids.slice(from, to + 1)) this.selection.add(id);
  }

  selectAll(): void {
    for (const { id } of this.found) this.selection.add(id);
  }

  /** Takes clips out; `undo` brings them back. What an earlier offer still held goes for good. */
  async remove(ids: readonly string[]): Promise<void> {
    const removed = this.#records.filter(({ id }) => ids.includes(id));
    if (removed.length === 0) return;
    await this.endUndo();
    await this.#attempt(async () => {
      await this.clips.remove(removed.map(({ id }) => id));
      this.#removed = removed;
      for (const { id } of removed) this.selection.delete(id);
    });
  }

  async undo(): Promise<void> {
    const ids = this.#removed.map(({ id }) => id);
    this.#removed = [];
    await this.#attempt(() => this.clips.restore(ids), ids.length === 1 ? 'The clip is back.' : `${ids.length} clips are back.`);
  }

  /** The offer to undo ends: the bytes are freed. */
  async endUndo(): Promise<void> {
    const ids = this.#removed.map(({ id }) => id);
    if (ids.length === 0) return;
    this.#removed = [];
    await this.#attempt(async () => void (await this.clips.purge(ids)));
  }

  dismissError(): void {
    this.#error = null;
  }

  async #refresh(ids: readonly string[]): Promise<void> {
    await this.#attempt(async () => {
      const changed = await this.clips.getMany(ids);
      this.#records = [...this.#records.filter(({ id }) => !ids.includes(id)), ...changed.filter((record) => record !== null)];
      for (const [index, id] of ids.entries()) if (!changed[index]) this.selection.delete(id);
    });
    await this.#measure();
  }

  async #measure(): Promise<void> {
    this.#quotaBytes = (await this.#services.quotaBytes?.().catch(() => null)) ?? null;
  }

  async #attempt(work: () => Promise<void>, done?: string): Promise<void> {
    try {
      await work();
      if (done !== undefined) {
        this.#announcement = done;
        this.#error = null;
      }
    } catch (thrown) {
      this.#error = toKinoraError(thrown);
    }
  }

  #textOf(record: StoredClip): string {
    const known = this.#texts.get(record);
    if (known !== undefined) return known;
    const text = searchableText(record);
    this.#texts.set(record, text);
    return text;
  }
}
