import { SvelteMap } from 'svelte/reactivity';
import type { Kinora, Vocabulary } from '../engine/types';
import { nearestEntries, type EmbeddedPhrase } from './nearest-entries';
import { knownPhrases, type Neighbour } from './reword-prompt';

/** Of the nearest phrases so many are kept: the nearest of all may not fit into the sentence. */
const KEPT = 12;

/**
 * For words that a model never met: the phrases of its vocabulary that are nearest in meaning, by the sentence embeddings of its own text
 * encoder. Texts are embedded one after the other, and none while `isBusy`, so that a clip never waits long.
 */
export class Neighbours {
  readonly #nearest = new SvelteMap<string, readonly Neighbour[]>();
  readonly #embed: Kinora['embed'];
  readonly #known: EmbeddedPhrase[] = [];
  #texts: readonly string[] = [];
  #isLooking = false;

  constructor(embed: Kinora['embed']) {
    this.#embed = embed;
  }

  /** The nearest known phrases, the nearest first; undefined while that isn't known. */
  of(text: string): readonly Neighbour[] | undefined {
    return this.#nearest.get(text);
  }

  /**
   * Looks texts up that were not looked up before; ends early when the device is needed, to go on at the next call. Of calls that come while
   * it looks, the last one counts: what was asked before is no longer of interest. Never rejects: without an answer nothing is said.
   */
  async look(texts: readonly string[], vocabulary: Vocabulary, isBusy: () => boolean): Promise<void> {
    this.#texts = texts;
    if (this.#isLooking || !this.#next()) return;
    this.#isLooking = true;
    try {
      const phrases = knownPhrases(vocabulary);
      while (this.#known.length < phrases.length) {
        if (isBusy()) return;
        const known = phrases[this.#known.length]!;
        this.#known.push({ ...known, vector: await this.#embed(known.form) });
      }
      for (let text = this.#next(); text !== undefined; text = this.#next()) {
        if (isBusy()) return;
        this.#nearest.set(text, nearestEntries(this.#known, await this.#embed(text)).slice(0, KEPT));
      }
    } catch (error) {
      console.warn('A word could not be compared with the vocabulary.', error);
    } finally {
      this.#isLooking = false;
    }
  }

  #next(): string | undefined {
    return this.#texts.find((text) => !this.#nearest.has(text));
  }
}
