import table from './html-entities.json';
import { windows1252Char } from './windows-1252';

/** Entities by name; a trailing "!" marks those that HTML also knows without their semicolon. */
const named = new Map<string, string>();
const legacy = new Map<string, string>();
for (const [key, value] of Object.entries(table.entities)) {
  const name = key.replace('!', '');
  named.set(name, value);
  if (key.endsWith('!')) legacy.set(name, value);
}

/** The value of an entity written with its semicolon, `amp` for `&amp;`. */
export function namedEntity(name: string): string | undefined {
  return named.get(name);
}

const REFERENCE = /&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/g;

/**
 * HTML 5's character references to text, as Python's html.unescape: numeric ones with HTML's corrections
 * (128 is €), named ones with and without a semicolon, longest match first; what is none stays as it is.
 */
export function unescapeHtml(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(REFERENCE, (whole, reference: string) =>
    reference.startsWith('#') ? numericReference(reference) : (namedReference(reference) ?? whole),
  );
}

function namedReference(reference: string): string | undefined {
  if (reference.endsWith(';')) {
    const value = named.get(reference.slice(0, -1));
    if (value !== undefined) return value;
  }
  for (let length = reference.length; length > 1; length--) {
    const value = legacy.get(reference.slice(0, length));
    if (value !== undefined) return value + reference.slice(length);
  }
  return undefined;
}

/** HTML's "numeric character reference end state", with characters that are not allowed left out. */
function numericReference(reference: string): string {
  const digits = reference.replace(/^#[xX]?/, '').replace(';', '');
  const code = parseInt(digits, /^#[xX]/.test(reference) ? 16 : 10);
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return '\ufffd';
  if (code === 0x0d) return '\r';
  if (code >= 0x80 && code <= 0x9f) return windows1252Char(code);
  const isControl = code < 0x20 && code !== 9 && code !== 0x0a && code !== 0x0c;
  const isNonCharacter = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
  return isControl || code === 0x7f || isNonCharacter ? '' : String.fromCodePoint(code);
}
