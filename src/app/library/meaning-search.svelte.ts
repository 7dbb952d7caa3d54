import type { Clips, StoredClip } from '../../engine/clips';

/** What turns texts into meanings, and whether it may be asked now: only where nothing has to be fetched and no clip is kept waiting. */
export interface Embedder {
  readonly isReady: () => boolean;
  readonly embed: (text: string) => Promise<Float32Array>;
}

const PAUSE_MS = 250;

/**
 * The part of a search that needs the model: the embedding of what is typed, and those of prompts that have none yet (imported clips,
 * say), computed once and kept. Where the model is not at hand, words alone are searched.
 */
export class MeaningSearch {
  #query = $state.raw<{ readonly text: string; readonly embedding: Float32Array } | null>(null);
  #isLooking = $state(false);
  readonly #clips: Pick<Clips, 'setEmbedding'>;
  readonly #embedder: Embedder;
  readonly #pauseMs: number;
  #turn = 0;
  #isClosed = false;

  constructor(clips: Pick<Clips, 'setEmbedding'>, embedder: Embedder, pauseMs = PAUSE_MS) {
    this.#clips = clips;
    this.#embedder = embedder;
    this.#pauseMs = pauseMs;
  }

  /** Whether meaning is searched just now. */
  get isLooking(): boolean {
    return this.#isLooking;
  }

  get isReady(): boolean {
    return this.#embedder.isReady();
  }

  /** The embedding of exactly this text, if it is known. */
  embeddingOf(text: string): Float32Array | null {
    return this.#query?.text === text.trim() ? this.#query.embedding : null;
  }

  /** Looks up a text once typing pauses, then the prompts of clips that lack an embedding. Only the last text counts. Never rejects. */
  look(text: string, records: readonly StoredClip[]): void {
    const turn = ++this.#turn;
    const wanted = text.trim();
    if (wanted.length < 3) {
      this.#isLooking = false;
      return;
    }
    setTimeout(() => void this.#lookUp(turn, wanted, records), this.#pauseMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#turn++;
  }

  async #lookUp(turn: number, text: string, records: readonly StoredClip[]): Promise<void> {
    const isCurrent = () => turn === this.#turn && !this.#isClosed && this.#embedder.isReady();
    if (!isCurrent()) return;
    this.#isLooking = true;
    try {
      if (this.#query?.text !== text) this.#query = { text, embedding: await this.#embedder.embed(text) };
      const lacking = records.filter(({ embedding }) => !embedding);
      const prompts = lacking.map(({ spec }) => spec.prompt);
      for (const [index, prompt] of prompts.entries()) {
        if (prompts.indexOf(prompt) < index) continue;
        if (!isCurrent()) return;
        const embedding = await this.#embedder.embed(prompt);
        for (const { id, spec } of lacking) if (spec.prompt === prompt) await this.#clips.setEmbedding(id, embedding);
      }
    } catch (thrown) {
      // Words are searched all the same.
      console.warn('Search by meaning is not available.', thrown);
    } finally {
      if (turn === this.#turn) this.#isLooking = false;
    }
  }
}
