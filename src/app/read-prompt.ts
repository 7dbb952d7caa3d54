import type { Vocabulary } from '../engine/types';

/**
 * How a stretch of a prompt stands to what the model was trained on.
 * `known`: a phrase of the vocabulary. `seen`: a word that occurred in training, but only inside longer phrases.
 * `unknown`: never seen. `plain`: articles, prepositions and the like.
 */
type PartKind = 'known' | 'seen' | 'unknown' | 'plain';

/** A stretch of the prompt, `prompt.slice(start, end)`. `group` and `id` name the vocabulary entry of a known phrase. */
export interface PromptPart {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly kind: PartKind;
  readonly group: string | null;
  readonly id: string | null;
}

interface Entry {
  readonly group: string;
  readonly id: string;
}

/** The vocabulary turned round for reading: phrase → entry, and every word that occurs in any phrase. */
export interface Lexicon {
  readonly phrases: ReadonlyMap<string, Entry>;
  readonly words: ReadonlySet<string>;
  readonly longestPhrase: number;
}

const PLAIN_WORDS = new Set(
  (
    'a an the and or but of in on at by to from into onto over under above below behind beside near through with without while ' +
    'as is are was were be being been it its his her their this that these those there then than very some any one two three ' +
    'up down out off for who which he she they i my your our ' +
    'across against along amid among around away back beneath beyond inside outside past round toward towards upon within place'
  ).split(' '),
);

/** Indexes a vocabulary. Phrases are compared by their words' stems, so `jumps`, `jumping` and `jump` are one. */
export function buildLexicon(vocabulary: Vocabulary): Lexicon {
  const phrases = new Map<string, Entry>();
  const words = new Set<string>();
  let longestPhrase = 0;
  for (const [group, entries] of Object.entries(vocabulary))
    for (const [id, list] of Object.entries(entries))
      for (const phrase of list) {
        const stems = splitWords(phrase).map((word) => word.stem);
        const key = stems.join(' ');
        if (!phrases.has(key)) phrases.set(key, { group, id });
        for (const stem of stems) words.add(stem);
        longestPhrase = Math.max(longestPhrase, stems.length);
      }
  return { phrases, words, longestPhrase };
}

/** Splits a prompt into what the model knows and what it doesn't: longest phrases first, from left to right, never across a comma. */
export function readPrompt(prompt: string, lexicon: Lexicon): PromptPart[] {
  const words = splitWords(prompt);
  const parts: PromptPart[] = [];
  const push = (first: Word, last: Word, kind: PartKind, entry: Entry | null): void => {
    const text = prompt.slice(first.start, last.end);
    parts.push({ start: first.start, end: last.end, text, kind, group: entry?.group ?? null, id: entry?.id ?? null });
  };
  for (let i = 0; i < words.length;) {
    const match = longestMatch(words, i, lexicon);
    const word = words[i]!;
    if (match) {
      push(word, words[i + match.length - 1]!, 'known', match.entry);
      i += match.length;
      continue;
    }
    const plain = PLAIN_WORDS.has(word.text) || /^\d+$/.test(word.text);
    push(word, word, plain ? 'plain' : lexicon.words.has(word.stem) ? 'seen' : 'unknown', null);
    i += 1;
  }
  return parts;
}

/**
 * Writes a phrase of one group (`looks`, `cameras`) into a prompt: in place of the one that is there, else after a comma
 * at the end. `null` takes it out.
 */
export function replacePhrase(prompt: string, lexicon: Lexicon, group: string, phrase: string | null): string {
  const found = readPrompt(prompt, lexicon).find((part) => part.group === group);
  if (!found) {
    if (phrase === null) return prompt;
    const base = prompt.trimEnd().replace(/[.,;]+$/, '');
    return base === '' ? phrase : `${base}, ${phrase}`;
  }
  const before = prompt.slice(0, found.start);
  const after = prompt.slice(found.end);
  if (phrase !== null) return before + phrase + after;
  return (before.replace(/[\s,;]+$/, '') + after).replace(/^[\s,;]+/, '');
}

interface Word {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly stem: string;
  /** A comma, full stop or semicolon stands between the word before and this one. */
  readonly afterBreak: boolean;
}

function splitWords(text: string): Word[] {
  const words: Word[] = [];
  let previousEnd = 0;
  for (const match of text.matchAll(/[\p{L}\p{N}]+(?:['’][\p{L}]+)?/gu)) {
    const lower = match[0].toLowerCase().replace('’', "'");
    words.push({
      start: match.index,
      end: match.index + match[0].length,
      text: lower,
      stem: stemOf(lower),
      afterBreak: /[,.;:!?\n]/.test(text.slice(previousEnd, match.index)),
    });
    previousEnd = match.index + match[0].length;
  }
  return words;
}

function longestMatch(words: readonly Word[], from: number, lexicon: Lexicon): { length: number; entry: Entry } | null {
  let reach = 1;
  while (reach < lexicon.longestPhrase && from + reach < words.length && !words[from + reach]!.afterBreak) reach += 1;
  for (let length = reach; length > 0; length -= 1) {
    const key = words.slice(from, from + length).map((word) => word.stem);
    const entry = lexicon.phrases.get(key.join(' '));
    if (entry) return { length, entry };
  }
  return null;
}

/** A light English stem: enough to see `flies`/`fly`, `running`/`runs`, `dances`/`dancing` as one. Not for display. */
function stemOf(word: string): string {
  let stem = word.replace(/'s?$/, '');
  if (stem.length > 4 && stem.endsWith('ies')) stem = `${stem.slice(0, -3)}y`;
  else if (stem.length > 5 && stem.endsWith('ing')) stem = stem.slice(0, -3);
  else if (stem.length > 4 && stem.endsWith('ed') && !stem.endsWith('eed')) stem = stem.slice(0, -2);
  else if (stem.length > 3 && stem.endsWith('s') && !/(ss|us|is|as)$/.test(stem)) stem = stem.slice(0, -1);
  if (/([bdgklmnprtz])\1$/.test(stem) && stem !== word && !/(ll|ss)$/.test(stem)) stem = stem.slice(0, -1);
  if (stem.length > 3 && stem.endsWith('e')) stem = stem.slice(0, -1);
  return stem.replace(/(ch|sh|x)e?$/, '$1');
}
