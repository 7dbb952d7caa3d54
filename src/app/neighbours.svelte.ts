import { SvelteMap } from 'svelte/reactivity';
import type { Kinora, Vocabulary } from '../engine/types';

/** Below this the nearest word is no help: MiniLM finds something for everything. */
const LEAST_COSINE = 0.4;
/** Groups whose words stand for something that an unknown word could mean. */
const GROUPS = ['subjects', 'places', 'motions', 'weather', 'times', 'looks'];

interface KnownPhrase {
  readonly phrase: string;
  readonly vector: Float32Array;
}

/**
 * For words that a model never met: the phrase of its vocabulary that is nearest in meaning, by the sentence embeddings of its own text
 * encoder. Texts are embedded one after the other, and none while `isBusy`, so that a clip never waits long.
 */
export class Neighbours {
  readonly #nearest = new SvelteMap<string, string | null>();
  readonly #embed: Kinora['embed'];
  readonly #known: KnownPhrase[] = [];
  #isLooking = false;

  constructor(embed: Kinora['embed']) {
    this.#embed = embed;
  }

  /** The nearest known phrase; null where nothing is near, undefined while that isn't known. */
  of(word: string): string | null | undefined {
    return this.#nearest.get(word);
  }

  /**
   * Looks words up that were not looked up before; ends early when the device is needed, to go on at the next call. Never rejects:
   * without an answer nothing is said.
   */
  async look(words: readonly string[], vocabulary: Vocabulary, isBusy: () => boolean): Promise<void> {
    const wanted = words.filter((word) => !this.#nearest.has(word));
    if (this.#isLooking || wanted.length === 0) return;
    this.#isLooking = true;
    try {
      const phrases = GROUPS.flatMap((group) => Object.values(vocabulary[group] ?? {}).flatMap((list) => list.slice(0, 1)));
      while (this.#known.length < phrases.length) {
        if (isBusy()) return;
        const phrase = phrases[this.#known.length]!;
        this.#known.push({ phrase, vector: await this.#embed(phrase) });
      }
      for (const word of wanted) {
        if (isBusy()) return;
        this.#nearest.set(word, this.#nearestTo(await this.#embed(word)));
      }
    } catch (error) {
      console.warn('A word could not be compared with the vocabulary.', error);
    } finally {
      this.#isLooking = false;
    }
  }

  #nearestTo(vector: Float32Array): string | null {
    let best: { phrase: string; cosine: number } | null = null;
    for (const known of this.#known) {
      const cosine = dot(vector, known.vector);
      if (!best || cosine > best.cosine) best = { phrase: known.phrase, cosine };
    }
    return best && best.cosine >= LEAST_COSINE ? best.phrase : null;
  }
}

/** Of normalised vectors: their cosine. */
function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}
