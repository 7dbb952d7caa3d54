import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { KinoraError } from '../errors';
import type { Tokenizer } from './types';

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
    content: (text) => inner.encode(text, { add_special_tokens: false }).ids,
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
