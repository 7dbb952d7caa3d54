import { windows1252Byte, windows1252Char } from './windows-1252';

const C1_CONTROLS = /[\x80-\x9f]/g;

/**
 * Undoes UTF-8 that was read in a single-byte encoding, once or several times over: `schÃ¶n` → `schön`, `donâ€™t` → `don’t`,
 * `РїСЂРёРІРµС‚` → `привет`. Parts of a text are mended where they hold sequences that are near certain to be such an accident in
 * windows-1252 (`isTelling`); other encodings only where they explain the whole text. ftfy also mends sequences that have lost bytes;
 * this does not.
 */
export function fixMojibake(text: string): string {
  for (;;) {
    const fixed = fixOnce(text);
    if (fixed === text) return text.replace(C1_CONTROLS, (control) => windows1252Char(control.charCodeAt(0)));
    text = fixed;
  }
}

function fixOnce(text: string): string {
  if (!SUSPECT.test(text)) return fixWhole(text) ?? text;
  const restored = restoreSpaces(text);
  const bytes = encode(restored);
  const whole = bytes && decodeUtf8(bytes);
  if (whole !== null && hasTellingSequence(restored)) return whole;
  const explained = fixWhole(text);
  if (explained !== null) return explained;
  return text.replace(SEQUENCE, (sequence) => (isTelling(sequence) ? (decodeUtf8(encode(sequence)!) ?? sequence) : sequence));
}

/** Encodings that ftfy tries besides, in its order; each a map from character to byte, made when first needed. */
const OTHER_ENCODINGS = ['windows-1251', 'windows-1250', 'windows-1253', 'windows-1254', 'windows-1257', 'iso-8859-2', 'macintosh'].map(
  (label) => {
    let bytes: Map<string, number> | undefined;
    return () => (bytes ??= highBytes(new TextDecoder(label)));
  },
);

function highBytes(decoder: TextDecoder): Map<string, number> {
  const bytes = new Map<string, number>();
  for (let byte = 0x80; byte <= 0xff; byte++) bytes.set(decoder.decode(Uint8Array.of(byte)), byte);
  bytes.delete('\ufffd');
  return bytes;
}

/** The text that another encoding explains as UTF-8 throughout, in at least two characters or one of three bytes; else null. */
function fixWhole(text: string): string | null {
  const high = text.match(/[^\0-\x7f]/g);
  if (!high || high.length < 3) return null;
  for (const bytesOf of OTHER_ENCODINGS) {
    const byteOf = bytesOf();
    if (!high.every((char) => byteOf.has(char))) continue;
    const decoded = decodeUtf8(Uint8Array.from(text, (char) => byteOf.get(char) ?? char.charCodeAt(0)));
    if (decoded !== null) return decoded;
  }
  return null;
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
