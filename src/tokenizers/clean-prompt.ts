import { fixText } from './fix-text';
import { unescapeHtml } from './html-unescape';

/** Python's idea of white space (str.isspace and \s), which has U+001C to U+001F and U+0085 but not U+FEFF. */
const SPACE = '[\\t-\\r\\u001c- \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const SPACES = new RegExp(`${SPACE}+`, 'g');

/**
 * What Wan does to a prompt before its tokenizer (diffusers' `prompt_clean`): ftfy, HTML unescape twice, runs of white
 * space to one space, ends trimmed. Case is kept.
 */
export function cleanPrompt(text: string): string {
  return unescapeHtml(unescapeHtml(fixText(text)))
    .replace(SPACES, ' ')
    .trim();
}
