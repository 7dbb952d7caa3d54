import { GENERATOR, MAX_COMMENT_BYTES } from './spec-comment';
import { xmpPacket } from './xmp';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Signature, and the IHDR chunk that must come first: length, type, 13 bytes, CRC. */
const AFTER_HEADER = SIGNATURE.length + 25;
const COMMENT = 'Comment';

/** A PNG with a comment, the tool and the AI-made mark (XMP), each as international text (PNG, 11.3.3.4). */
export function addPngMetadata(png: Uint8Array<ArrayBuffer>, comment: string): Blob {
  const texts = [textChunk(COMMENT, comment), textChunk('Software', GENERATOR), textChunk('XML:com.adobe.xmp', xmpPacket())];
  return new Blob([png.subarray(0, AFTER_HEADER), ...texts, png.subarray(AFTER_HEADER)], { type: 'image/png' });
}

/** The comments of a PNG, as far as it can be followed; none for what is no PNG. */
export function readPngComments(bytes: Uint8Array): string[] {
  if (!SIGNATURE.every((byte, at) => bytes[at] === byte)) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const comments: string[] = [];
  for (let at = SIGNATURE.length; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = new TextDecoder('latin1').decode(bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length || type === 'IEND') break;
    const data = bytes.subarray(at + 8, at + 8 + length);
    // Keyword, NUL, uncompressed, method, empty language and translated keyword, each with its NUL; then UTF-8.
    const head = new TextEncoder().encode(`${COMMENT}\0\0\0\0\0`);
    if (type === 'iTXt' && length <= MAX_COMMENT_BYTES + head.length && head.every((byte, index) => data[index] === byte))
      comments.push(new TextDecoder().decode(data.subarray(head.length)));
    at += 12 + length;
  }
  return comments;
}

function textChunk(keyword: string, text: string): Uint8Array<ArrayBuffer> {
  const data = new TextEncoder().encode(`iTXt${keyword}\0\0\0\0\0${text}`);
  const chunk = new Uint8Array(data.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length - 4);
  chunk.set(data, 4);
  view.setUint32(chunk.length - 4, crc32(data));
  return chunk;
}

/** CRC-32 of PNG, Annex D: over type and data. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
