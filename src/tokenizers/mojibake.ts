import { windows1252Byte, windows1252Char } from './windows-1252';

const C1_CONTROLS = /[\x80-\x9f]/g;

/**
 * Undoes UTF-8 that was read as windows-1252 or Latin-1, once or several times over: `schÃ¶n` → `schön`, `donâ€™t` → `don’t`. A text
 * is only touched where it holds sequences that are near certain to be such an accident (`isTelling`); what ftfy
 * also does, and this does not: other single-byte encodings (MacRoman, windows-1250 to 1257) and lossy sequences.
 */
export function fixMojibake(text: string): string {
  for (;;) {
    const fixed = fixOnce(text);
    if (fixed === text) return text.replace(C1_CONTROLS, (control) => windows1252Char(control.charCodeAt(0)));
    text = fixed;
  }
}

function fixOnce(text: string): string {
  if (!SUSPECT.test(text)) return text;
  const restored = restoreSpaces(text);
  const bytes = encode(restored);
  const whole = bytes && decodeUtf8(bytes);
  if (whole !== null && hasTellingSequence(restored)) return whole;
  return text.replace(SEQUENCE, (sequence) => (isTelling(sequence) ? (decodeUtf8(encode(sequence)!) ?? sequence) : sequence));
}

/** Characters that windows-1252 or Latin-1 give the bytes 80 to BF, UTF-8's continuations. */
const CONTINUATION = `[\\x80-\\xbf${Array.from({ length: 32 }, (_, i) => windows1252Char(0x80 + i)).join('')}]`;
const SEQUENCE_SOURCE = `[\\xc2-\\xdf]${CONTINUATION}|[\\xe0-\\xef]${CONTINUATION}{2}|[\\xf0-\\xf4]${CONTINUATION}{3}`;
const SEQUENCE = new RegExp(SEQUENCE_SOURCE, 'g');
const SUSPECT = new RegExp(`${SEQUENCE_SOURCE}|(?:^|[a-z])\\s?[ÂÃ] `);

function hasTellingSequence(text: string): boolean {
  return (text.match(SEQUENCE) ?? []).some(isTelling);
}

/** Quotes, dashes and marks that may well follow a capital letter in sound text: `CAFÉ…`, `VOILÀ »`. */
const ORDINARY_AFTER_LETTER = /^[\xc4-\xcd\xcf\xd1-\xdf][\xa0\xad´·»–—…’”™®'"]$/;

/** Whether a sequence that could be one UTF-8 character is unlikely to be anything else. */
function isTelling(sequence: string): boolean {
  return sequence.length > 2 || !ORDINARY_AFTER_LETTER.test(sequence);
}

/** A no-break space (byte A0) that became a space: `voilÃ  le` and `Ã la` hold `à`, `Â ` holds the space itself. */
function restoreSpaces(text: string): string {
  return text
    .replace(/Ã (?! )/g, 'Ã\u00a0 ')
    .replace(/Ã /g, 'Ã\u00a0')
    .replace(/Â /g, 'Â\u00a0');
}

function encode(text: string): Uint8Array | null {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const byte = windows1252Byte(text[i]!);
    if (byte === null) return null;
    bytes[i] = byte;
  }
  return bytes;
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null; // not UTF-8: that is the question asked here
  }
}
