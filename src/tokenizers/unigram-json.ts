import * as v from 'valibot';
import type { Tokenizer } from './types';
import { createUnigram, unsupportedUnigram } from './unigram';

const precompiled = v.object({ type: v.literal('Precompiled'), precompiled_charsmap: v.string() });
const collapse = v.object({ type: v.literal('Replace'), pattern: v.object({ Regex: v.literal(' {2,}') }), content: v.literal(' ') });
const metaspace = v.object({
  type: v.literal('Metaspace'),
  replacement: v.literal('▁'),
  prepend_scheme: v.optional(v.literal('always'), 'always'),
  add_prefix_space: v.optional(v.literal(true), true),
  split: v.optional(v.literal(true), true),
});
const template = v.array(
  v.union([v.object({ Sequence: v.object({ id: v.literal('A') }) }), v.object({ SpecialToken: v.object({ id: v.string() }) })]),
);

/** The two layouts that UMT5's file is met in: as converted from SentencePiece, and as transformers 5 rebuilds it. */
const unigramFile = v.object({
  added_tokens: v.array(
    v.object({
      id: v.number(),
      content: v.pipe(v.string(), v.minLength(1)),
      single_word: v.literal(false),
      lstrip: v.literal(false),
      rstrip: v.literal(false),
      normalized: v.literal(false),
    }),
  ),
  normalizer: v.union([precompiled, v.object({ type: v.literal('Sequence'), normalizers: v.array(v.union([precompiled, collapse])) })]),
  pre_tokenizer: v.union([
    metaspace,
    v.object({ type: v.literal('Sequence'), pretokenizers: v.tuple([v.object({ type: v.literal('WhitespaceSplit') }), metaspace]) }),
  ]),
  post_processor: v.object({
    type: v.literal('TemplateProcessing'),
    single: template,
    special_tokens: v.record(v.string(), v.object({ ids: v.array(v.number()) })),
  }),
  model: v.object({
    type: v.literal('Unigram'),
    unk_id: v.number(),
    vocab: v.array(v.tuple([v.string(), v.number()])),
    byte_fallback: v.optional(v.boolean(), false),
  }),
});

/** A Unigram tokenizer from a parsed tokenizer.json. Throws `invalid-file`, naming the part that is not understood. */
export function createUnigramFromJson(file: unknown): Tokenizer {
  const result = v.safeParse(unigramFile, file, { abortEarly: true });
  if (!result.success) throw unsupportedUnigram(`${v.getDotPath(result.issues[0]) ?? 'the file'}: ${result.issues[0].message}`);
  const { added_tokens, normalizer, pre_tokenizer, post_processor, model } = result.output;
  const normalizers = normalizer.type === 'Sequence' ? normalizer.normalizers : [normalizer];
  const maps = normalizers.filter((step) => step.type === 'Precompiled');
  if (maps.length !== 1) throw unsupportedUnigram('it has more or fewer than one normalisation map');
  const at = post_processor.single.findIndex((part) => 'Sequence' in part);
  const idsOf = (parts: typeof post_processor.single): number[] =>
    parts.flatMap((part) => ('SpecialToken' in part ? (post_processor.special_tokens[part.SpecialToken.id]?.ids ?? []) : []));
  return createUnigram({
    pieces: model.vocab,
    unknownId: model.unk_id,
    byteFallback: model.byte_fallback,
    charsMap: Uint8Array.from(atob(maps[0]!.precompiled_charsmap), (char) => char.charCodeAt(0)),
    collapsesSpaces: normalizers.some((step) => step.type === 'Replace'),
    splitsAtWhitespace: pre_tokenizer.type === 'Sequence',
    added: added_tokens,
    before: idsOf(post_processor.single.slice(0, at)),
    after: idsOf(post_processor.single.slice(at + 1)),
  });
}
