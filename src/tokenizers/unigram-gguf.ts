import type { Tokenizer } from './types';
import { createUnigram, unsupportedUnigram } from './unigram';

/** llama.cpp's token types (llama_token_type). */
const CONTROL = 3;
const USER_DEFINED = 4;

/**
 * A Unigram tokenizer from the metadata of a `t5encoder` GGUF file (`tokenizer.ggml.*`), so that it needs no tokenizer.json.
 * Throws `invalid-file` when the metadata has none, or one of another kind.
 */
export function createUnigramFromGguf(metadata: ReadonlyMap<string, unknown>): Tokenizer {
  const key = (name: string): unknown => metadata.get(`tokenizer.ggml.${name}`);
  const list = (name: string): ArrayLike<unknown> => {
    const value = key(name);
    if (!Array.isArray(value) && !ArrayBuffer.isView(value)) throw unsupportedUnigram(`the file holds no list tokenizer.ggml.${name}`);
    return value as unknown as ArrayLike<unknown>;
  };
  if (key('model') !== 't5') throw unsupportedUnigram(`tokenizer.ggml.model is ${String(key('model'))}, not t5`);
  const tokens = Array.from(list('tokens'), String);
  const scores = Array.from(list('scores'), Number);
  const types = Array.from(list('token_type'), Number);
  if (scores.length !== tokens.length || types.length !== tokens.length) throw unsupportedUnigram('its lists differ in length');
  const flag = (name: string, fallback: boolean): boolean => (key(name) === undefined ? fallback : key(name) === true);
  const id = (name: string): number => Number(key(`${name}_token_id`));
  return createUnigram({
    pieces: tokens.map((token, i) => [token, scores[i]!]),
    unknownId: id('unknown'),
    byteFallback: tokens.includes('<0x00>'),
    charsMap: key('precompiled_charsmap') === undefined ? null : Uint8Array.from(list('precompiled_charsmap') as ArrayLike<number>),
    collapsesSpaces: flag('remove_extra_whitespaces', true),
    splitsAtWhitespace: false,
    added: tokens.flatMap((content, i) => (types[i] === CONTROL || types[i] === USER_DEFINED ? [{ content, id: i }] : [])),
    before: flag('add_bos_token', false) ? [id('bos')] : [],
    after: flag('add_eos_token', true) ? [id('eos')] : [],
  });
}
