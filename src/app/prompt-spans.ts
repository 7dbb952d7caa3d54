import type { PromptPart } from './read-prompt';

const MOST_WORDS_IN_SPAN = 6;
/** As far as a prompt is reworded; every span of it is embedded. */
const MOST_WORDS = 40;
const ARTICLE = /^(a|an|the)$/i;
/** With what no stretch begins that a phrase could stand for. */
const NO_BEGINNING =
  /^(a|an|the|place|one|two|three|some|any|is|are|was|were|be|been|being|its?|his|her|their|th(is|at|ese|ose|ere|en|an|ey)|very|and|or|but|wh(o|ich)|s?he|i|my|your|our)$/i;
/** Where to: replaced by nothing, and no part of what is replaced. */
export const SIDE = /^(left|right)(wards?)?$/i;
const PREPOSITION = /^(in|on|at|to|under|inside|outside|through|across)$/i;
/** Prepositions that end a phrase: “goes down”. */
const PARTICLE = /^(up|down|off|out|over|by|along|around|round|away)$/i;

/** A stretch of a prompt that a phrase could stand for. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** In small letters. */
  readonly text: string;
  readonly first: number;
  readonly last: number;
  /** How many of its words mean something by themselves. */
  readonly content: number;
  readonly hasUnknown: boolean;
  /** Begins with a preposition or the like. */
  readonly startsPlain: boolean;
  readonly startsUnknown: boolean;
  readonly isAllContent: boolean;
  /** The word before it, in small letters, if no comma stands between. */
  readonly before: string;
  /** A preposition stands before it, or before its article: “in the arctic”. */
  readonly isInPlace: boolean;
  readonly followsAdjective: boolean;
  /** “left” or “to the left” comes after it. */
  readonly isDirected: boolean;
  readonly followsPlain: boolean;
  /** What comes after it, if no comma stands between: `word` could be the noun that it belongs to. */
  readonly next: 'none' | 'plain' | 'subject' | 'known' | 'word';
  /** It stands alone between commas, an article apart. */
  readonly isClause: boolean;
  /** Between its commas a camera is spoken of. */
  readonly isOfCamera: boolean;
}

/** Every stretch between commas, phrases that are known and words for sides that begins with no article and ends in a word with a meaning of its own, or a particle. */
export function spansIn(parts: readonly PromptPart[], prompt: string): Span[] {
  const spans: Span[] = [];
  const isApart = (index: number) =>
    index <= 0 || index >= parts.length || /[,.;:!?\n]/.test(prompt.slice(parts[index - 1]!.end, parts[index]!.start));
  let clause = 0;
  const clauses = parts.map((_, index) => (isApart(index) ? (clause += 1) : clause));
  const cameraClauses = new Set(clauses.filter((_, index) => parts[index]!.text.toLowerCase() === 'camera'));
  const isFixed = ({ kind, text }: PromptPart) => kind === 'known' || SIDE.test(text);
  for (let first = 0; first < Math.min(parts.length, MOST_WORDS); first += 1) {
    if (NO_BEGINNING.test(parts[first]!.text)) continue;
    const isOfCamera = cameraClauses.has(clauses[first]!);
    for (let last = first; last < Math.min(parts.length, first + MOST_WORDS_IN_SPAN); last += 1) {
      if (last > first && isApart(last)) break;
      if (parts[last]!.kind === 'known' || (SIDE.test(parts[last]!.text) && !isOfCamera)) break;
      if (parts[last]!.kind === 'plain' && !(last > first && PARTICLE.test(parts[last]!.text))) continue;
      const within = parts.slice(first, last + 1);
      const content = within.filter(({ kind }) => kind !== 'plain').length;
      if (content === 0) continue;
      const previous = isApart(first) ? undefined : parts[first - 1];
      const next = isApart(last + 1) ? undefined : parts[last + 1];
      spans.push({
        start: within[0]!.start,
        end: within.at(-1)!.end,
        text: prompt.slice(within[0]!.start, within.at(-1)!.end).toLowerCase(),
        first,
        last,
        content,
        hasUnknown: within.some(({ kind }) => kind === 'unknown'),
        startsPlain: within[0]!.kind === 'plain',
        startsUnknown: within[0]!.kind === 'unknown',
        isAllContent: content === within.length,
        before: previous?.text.toLowerCase() ?? '',
        isInPlace: [first - 1, first - 2].some((index) => index >= 0 && !isApart(index + 1) && PREPOSITION.test(parts[index]!.text)),
        isDirected: /^(to the )?(left|right)/i.test(prompt.slice(within.at(-1)!.end).trimStart()),
        followsAdjective: previous?.group === 'sizes' || previous?.group === 'colours',
        followsPlain: previous?.kind === 'plain',
        next: !next ? 'none' : next.kind === 'plain' ? 'plain' : next.group === 'subjects' ? 'subject' : isFixed(next) ? 'known' : 'word',
        isOfCamera,
        isClause: !next && (!previous || (ARTICLE.test(previous.text) && isApart(first - 1))),
      });
    }
  }
  return spans;
}
