import { KinoraError } from '../errors';
import { PrecompiledMap } from './precompiled-map';
import type { Tokenizer } from './types';
import { UnigramModel } from './unigram-model';

const META = '▁';

/** What a Unigram tokenizer is made of, whichever file it comes from. */
export interface UnigramParts {
  readonly pieces: readonly (readonly [piece: string, score: number])[];
  readonly unknownId: number;
  readonly byteFallback: boolean;
  /** SentencePiece's precompiled_charsmap, or null without normalisation. */
  readonly charsMap: Uint8Array | null;
  /** Whether runs of spaces become one. */
  readonly collapsesSpaces: boolean;
  /** Whether text is split at white space before the metaspaces are put in, so that spaces at its ends leave no token. */
  readonly splitsAtWhitespace: boolean;
  /** Tokens that are recognised in the text itself, before normalisation. */
  readonly added: readonly { readonly content: string; readonly id: number }[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** A SentencePiece-style Unigram tokenizer (UMT5's), equal to Hugging Face's tokenizers on the same file. */
export function createUnigram(parts: UnigramParts): Tokenizer {
  const model = new UnigramModel(parts.pieces, parts.unknownId, parts.byteFallback);
  const map = parts.charsMap && new PrecompiledMap(parts.charsMap);
  const added = new Map(parts.added.map(({ content, id }) => [content, id]));
  // Longest first: an alternation takes the first branch that matches.
  const splitter =
    added.size === 0
      ? null
      : new RegExp(
          `(${[...added.keys()]
            .sort((a, b) => b.length - a.length)
            .map(escape)
            .join('|')})`,
        );

  const encodeText = (text: string): number[] => {
    let normal = map ? map.normalize(text) : text;
    if (parts.collapsesSpaces) normal = normal.replace(/ {2,}/g, ' ');
    const sections = parts.splitsAtWhitespace ? normal.split(/\p{White_Space}+/u) : [normal];
    return sections.flatMap((section) => metaspaceWords(section).flatMap((word) => model.encode(word)));
  };
  return {
    content: (text) =>
      text
        .replace(/\p{Surrogate}/gu, '\ufffd')
        .split(splitter ?? /(?!)/)
        .flatMap((section) => {
          const id = added.get(section);
          return id === undefined ? encodeText(section) : [id];
        }),
    wrap: (content) => [...parts.before, ...content, ...parts.after],
  };
}

/** Spaces to metaspaces, one put in front, split before each: "a fox" → ▁a, ▁fox. */
function metaspaceWords(text: string): string[] {
  if (text === '') return [];
  const marked = text.replaceAll(' ', META);
  return (marked.startsWith(META) ? marked : META + marked).split(new RegExp(`(?=${META})`));
}

function escape(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** For files that this tokenizer does not understand. */
export function unsupportedUnigram(reason: string): KinoraError {
  return new KinoraError(
    'invalid-file',
    `The model's tokenizer cannot be used: ${reason}.`,
    'Use the tokenizer.json that google/umt5-xxl comes with.',
  );
}
