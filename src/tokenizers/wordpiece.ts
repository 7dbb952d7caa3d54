import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { KinoraError } from '../errors';
import type { Tokenizer } from './types';

/**
 * Han characters beyond U+FFFF, each a word of its own in BERT (BasicTokenizer._is_chinese_char). The library
 * (0.2.0) looks at UTF-16 units there and misses them, so they are set apart before.
 */
const SUPPLEMENTARY_HAN = /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

interface TokenizerFile {
  readonly model?: { readonly type?: unknown };
}

/**
 * BERT's WordPiece tokenizer from a parsed tokenizer.json (MiniLM's). The file's own truncation and padding do not apply.
 * Throws `invalid-file` for another kind of file.
 */
export function createWordPiece(file: unknown): Tokenizer {
  const { model } = file as TokenizerFile;
  if (model?.type !== 'WordPiece') throw notWordPiece(`its model is ${String(model?.type)}`);
  const inner = load(file as object);
  const { ids: wrapped } = inner.encode('');
  if (wrapped.length !== 2) throw notWordPiece('it does not put one token before the text and one after');
  const [before, after] = wrapped as [number, number];
  return {
    content: (text) => inner.encode(text.replace(SUPPLEMENTARY_HAN, ' $& '), { add_special_tokens: false }).ids,
    wrap: (content) => [before, ...content, after],
  };
}

function load(file: object): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer(file, {});
  } catch (cause) {
    throw notWordPiece('it is malformed', cause);
  }
}

function notWordPiece(reason: string, cause?: unknown): KinoraError {
  return new KinoraError('invalid-file', `The model's tokenizer cannot be used: ${reason}.`, 'Fetch the model again from its publisher.', {
    cause,
  });
}
