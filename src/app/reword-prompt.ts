import type { Vocabulary } from '../engine/types';
import { inflectVerb, pluralOf, progressive, thirdPerson, withArticle } from './english-forms';
import { SIDE, type Span } from './prompt-spans';
import { readPrompt, type Lexicon } from './read-prompt';

/**
 * A phrase that a model was trained on, and the form of it to compare with. `id` is null for verbs that are trained with either direction
 * behind them.
 */
export interface KnownPhrase {
  readonly phrase: string;
  readonly form: string;
  readonly group: string;
  readonly id: string | null;
}

/** An entry of the vocabulary that means about the same as a text. `cosine`: of their sentence embeddings, 1 at most. */
export interface Neighbour extends KnownPhrase {
  readonly cosine: number;
}

/** Entries, each by its nearest phrase, the nearest first; undefined while that isn't known. */
export type FindNeighbours = (text: string) => readonly Neighbour[] | undefined;

interface Change {
  readonly from: string;
  readonly to: string;
}

export interface Rewording {
  /** The prompt in words that the model knows, as far as they are found; the prompt itself where nothing is to change. */
  readonly prompt: string;
  readonly changes: readonly Change[];
}

/** Groups whose words stand for something that other words could mean. */
const GROUPS = ['subjects', 'sizes', 'places', 'motions', 'weather', 'times', 'cameras', 'looks'];
/** Groups whose phrases bring their preposition. */
const ADVERBIAL = new Set(['places', 'times', 'weather']);
/** Below this a neighbour is no help: MiniLM finds something for everything. */
const LEAST_COSINE = 0.45;
/** Where words are alike that mean different things: prepositions make any two adverbs alike, and camera moves are all alike. */
const LEAST_COSINES: Readonly<Record<string, number>> = { places: 0.53, times: 0.53, weather: 0.53, sizes: 0.6, cameras: 0.55 };
/** For words that occurred in training, only elsewhere: they are left alone unless the phrase is plainly meant. */
const LEAST_COSINE_OF_SEEN = 0.62;
const LIKE_A_VERB = /^\S+(s|ing|ed)\b/;
/** After it a verb stands in its base form: “dogs stroll”. Not enormous, nor grass. */
const PLURAL = /^\w{2,}([^aiosu]|[^ou]u)s$/;

/** What texts are compared with: every phrase, verbs as `jump`, `jumps` and `jumping`; of travelling only the verbs, which go with either direction. */
export function knownPhrases(vocabulary: Vocabulary): KnownPhrase[] {
  const entries = GROUPS.flatMap((group) =>
    Object.entries(vocabulary[group] ?? {})
      .filter(([id]) => !isSideways(group, id))
      .flatMap(([id, phrases]) => phrases.map((phrase) => ({ phrase, form: phrase, group, id: id as string | null }))),
  );
  const verbs = [...sidewaysVerbs(vocabulary)].map((phrase) => ({ phrase, form: phrase, group: 'motions', id: null }));
  const known = [...entries, ...verbs];
  const motions = known.filter(({ group }) => group === 'motions');
  return [...known, ...['s', 'ing'].flatMap((ending) => motions.map((entry) => ({ ...entry, form: inflectVerb(entry.phrase, ending) })))];
}

/**
 * Puts what a model never met in words that it knows: stretches that mean about the same as a phrase of the vocabulary are replaced by it, in the
 * way that makes the most of the sentence, and verbs of travelling that lack a direction get one. Other words stay. `spans` are the prompt's
 * (`spansIn`), whose texts it asks the neighbours of.
 */
export function rewordPrompt(
  prompt: string,
  spans: readonly Span[],
  { lexicon, vocabulary }: { readonly lexicon: Lexicon; readonly vocabulary: Vocabulary },
  find: FindNeighbours,
): Rewording {
  const changes: Change[] = [];
  let reworded = '';
  let end = 0;
  for (const span of bestSpans(spans, find)) {
    const before = prompt.slice(end, span.start);
    const phrase = inflect(span, span.neighbour);
    const to = /^\p{Lu}/u.test(prompt.slice(span.start)) ? phrase[0]!.toUpperCase() + phrase.slice(1) : phrase;
    reworded += withArticle(before, to) + to;
    end = span.end;
    changes.push({ from: span.text, to });
  }
  reworded += prompt.slice(end);
  return withDirection({ prompt: reworded, changes }, lexicon, vocabulary);
}

type ChosenSpan = Span & { readonly neighbour: Neighbour };

/** Spans that don't overlap, of the largest sum: how near each is to its neighbour, beyond the least, times the root of its words. */
function bestSpans(spans: readonly Span[], find: FindNeighbours): ChosenSpan[] {
  const byLast = new Map<number, (ChosenSpan & { readonly gain: number })[]>();
  for (const span of spans) {
    const neighbour = find(span.text)?.find((candidate) => fits(span, candidate));
    if (!neighbour) continue;
    const least = span.hasUnknown ? (LEAST_COSINES[neighbour.group] ?? LEAST_COSINE) : LEAST_COSINE_OF_SEEN;
    if (neighbour.cosine <= least || isNamedBefore(span, neighbour, find)) continue;
    const gain = (neighbour.cosine - least) * Math.sqrt(span.content);
    byLast.set(span.last, [...(byLast.get(span.last) ?? []), { ...span, neighbour, gain }]);
  }
  const words = Math.max(-1, ...byLast.keys()) + 1;
  const best: { gain: number; chosen: ChosenSpan[] }[] = [{ gain: 0, chosen: [] }]; // of the first so many parts
  for (let last = 0; last < words; last += 1) {
    let most = best[last]!;
    for (const span of byLast.get(last) ?? []) {
      const before = best[span.first]!;
      if (before.gain + span.gain > most.gain) most = { gain: before.gain + span.gain, chosen: [...before.chosen, span] };
    }
    best.push(most);
  }
  return best.at(-1)!.chosen;
}

/** Whether a subject is named as well without the last word: “yacht drifts” is a boat because a yacht is one. */
function isNamedBefore(span: Span, { group, id, cosine }: Neighbour, find: FindNeighbours): boolean {
  const shorter =
    group === 'subjects' && span.startsUnknown
      ? find(span.text.replace(/\s*\S+$/, ''))?.find((neighbour) => neighbour.group === group)
      : undefined;
  return shorter?.id === id && shorter.cosine > cosine - 0.02;
}

/** Whether a phrase can stand where the span stands, as far as that can be told without parsing English. */
function fits(span: Span, { group, id }: KnownPhrase): boolean {
  const { text, before, next, startsPlain, hasUnknown, isClause, isAllContent } = span;
  if (span.isOfCamera || group === 'cameras')
    return group === 'cameras' && isClause && hasUnknown && new RegExp(`\\b${/[a-z]+$/.exec(id ?? '')?.[0]}\\b`).test(text);
  if (ADVERBIAL.has(group)) {
    if (startsPlain) return next !== 'word' && next !== 'subject'; // “through the deep snow”
    return hasUnknown && isAllContent && !span.followsPlain && !span.followsAdjective && (next === 'none' || next === 'plain'); // “downtown”
  }
  if (!hasUnknown) return false; // what was seen is put in order at most
  if (group === 'looks') return isClause;
  if (startsPlain) return false;
  if (group === 'motions') return (id === null || !span.isDirected) && (LIKE_A_VERB.test(text) || PLURAL.test(before));
  if (group === 'sizes') return !text.includes(' ') && (next === 'word' || next === 'subject');
  const isAside = isClause && span.start > 0 && before === ''; // “…, in fog, aquarelle”
  return (
    isAllContent &&
    next !== 'subject' &&
    !isAside &&
    !span.isInPlace &&
    !span.isDirected &&
    !/^(is|are|was|were|be|been)$/.test(before) &&
    !/ing$/.test(text)
  );
}

function inflect(span: Span, { phrase, group }: Neighbour): string {
  const words = span.text.split(/\s+/);
  if (group === 'motions') return inflectVerb(phrase, words[0]!);
  const isPlural = group === 'subjects' && /[^s]s$/.test(words.at(-1)!) && !/^(a|an|one)$/.test(span.before);
  return isPlural ? pluralOf(phrase) : phrase;
}

/** A model that was shown all travelling with a direction draws several where none is told. */
function withDirection({ prompt, changes }: Rewording, lexicon: Lexicon, vocabulary: Vocabulary): Rewording {
  const verbs = new Set([...sidewaysVerbs(vocabulary)].flatMap((verb) => [verb, thirdPerson(verb), progressive(verb)]));
  const parts = readPrompt(prompt, lexicon);
  const moves = parts.some(({ group, text }) => group === 'motions' || group === 'relations' || SIDE.test(text));
  const at = moves ? undefined : parts.find(({ kind, text }) => kind === 'seen' && verbs.has(text.toLowerCase()));
  if (!at) return { prompt, changes };
  const to = `${at.text} to the right`;
  return { prompt: `${prompt.slice(0, at.start)}${to}${prompt.slice(at.end)}`, changes: [...changes, { from: at.text, to }] };
}

function isSideways(group: string, id: string): boolean {
  return group === 'motions' && (id === 'left' || id === 'right');
}

/** The verbs that a vocabulary has with a direction only. */
function sidewaysVerbs({ motions = {} }: Vocabulary): Set<string> {
  return new Set(
    (motions['left'] ?? []).flatMap((phrase) => {
      const verb = /^(\w+) to the left$/.exec(phrase)?.[1];
      return verb ? [verb] : [];
    }),
  );
}
