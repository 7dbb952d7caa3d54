import { KinoraError } from '../../errors';

/** SHA-256 in lower-case hex. Throws `unsupported` outside a secure context, where browsers hide WebCrypto. */
export async function sha256Hex(bytes: BufferSource): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle)
    throw new KinoraError('unsupported', 'This page is not secure, so downloads can’t be checked.', 'Open it over https, or on localhost.');
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
