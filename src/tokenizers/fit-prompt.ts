import type { Tokenizer } from './types';

export interface FittedPrompt {
  /** At most `length` ids, special tokens included. */
  readonly ids: readonly number[];
  /** The end of the text that the ids no longer cover, or null. */
  readonly truncated: string | null;
}

/** Tokenizes a prompt into at most `length` ids: the content is cut from its end, special tokens stay. */
export function fitPrompt(tokenizer: Tokenizer, text: string, length: number): FittedPrompt {
  const content = tokenizer.content(text);
  const room = length - tokenizer.wrap([]).length;
  if (content.length <= room) return { ids: tokenizer.wrap(content), truncated: null };
  return { ids: tokenizer.wrap(content.slice(0, room)), truncated: text.slice(endOfFit(tokenizer, text, room)).trim() };
}

/** Where the last word ends that `room` ids cover in full: found by bisection over the ends of words, in any script. */
function endOfFit(tokenizer: Tokenizer, text: string, room: number): number {
  const ends = [...new Intl.Segmenter('und', { granularity: 'word' }).segment(text)].map(({ index, segment }) => index + segment.length);
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tokenizer.content(text.slice(0, ends[middle])).length <= room) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : ends[low - 1]!;
}
