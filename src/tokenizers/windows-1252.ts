/**
 * Characters of the bytes 80 to 9F in windows-1252, the five unassigned ones as C1 controls (WHATWG Encoding).
 * A table, because Node's TextDecoder reads windows-1252 as Latin-1 (https://github.com/nodejs/node/issues/56542).
 */
const HIGH_CONTROLS = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** The character of a byte. */
export function windows1252Char(byte: number): string {
  return byte >= 0x80 && byte <= 0x9f ? HIGH_CONTROLS[byte - 0x80]! : String.fromCharCode(byte);
}

/** The byte of a character, in windows-1252 or else in Latin-1, or null. */
export function windows1252Byte(char: string): number | null {
  const index = HIGH_CONTROLS.indexOf(char);
  if (index >= 0) return 0x80 + index;
  const code = char.charCodeAt(0);
  return code <= 0xff ? code : null;
}
