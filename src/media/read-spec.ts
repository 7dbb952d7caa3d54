import { KinoraError } from '../errors';
import { childBoxes, findBox, listBoxes, malformed, MAX_HEADER_BYTES, readBoxHeader, type Box } from './mp4-boxes';
import { MAX_COMMENT_BYTES, parseComment } from './spec-comment';

/** moov holds tables of four bytes a sample and more; this is enough for days of video. */
const MAX_MOOV_BYTES = 32 * 1024 * 1024;
/** Top-level boxes before moov: ftyp, free, mdat, a few uuid. */
const MAX_TOP_LEVEL_BOXES = 256;

/**
 * The spec that a clip was made from, out of an MP4 file's comment, or null where there is none or the comment is someone else's.
 * It is untrusted and not validated: any JSON object. Only headers and moov are read, however large the file.
 *
 * Throws `invalid-file` for what is no MP4, or a malformed one.
 */
export async function readSpecFromMp4(file: Blob | Uint8Array<ArrayBuffer>): Promise<unknown> {
  const blob = file instanceof Blob ? file : new Blob([file]);
  const moov = await readMoov(blob);
  const [root] = listBoxes(moov, 0, moov.length) as [Box];
  const userData = findBox(moov, root, 'udta');
  if (!userData) return null;
  for (const comment of [...itemListComments(moov, userData), ...quickTimeComments(moov, userData)]) {
    const spec = parseComment(comment);
    if (spec !== null) return spec;
  }
  return null;
}

/** The whole moov box, found by hopping from header to header. */
async function readMoov(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  let position = 0;
  for (let count = 0; position < blob.size && count < MAX_TOP_LEVEL_BOXES; count++) {
    const header = readBoxHeader(await readBytes(blob, position, position + MAX_HEADER_BYTES));
    if (!header) throw malformed(`a box header is cut off at byte ${position}`);
    if (count === 0 && !['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot'].includes(header.type)) break;
    const end = header.sizeBytes === null ? blob.size : position + header.sizeBytes;
    if (end > blob.size) throw malformed(`the ${header.type} box at byte ${position} is larger than the file`);
    if (header.type === 'moov') {
      if (header.sizeBytes === null) throw malformed('its moov box has no size');
      if (header.sizeBytes > MAX_MOOV_BYTES) throw malformed(`its moov box takes ${header.sizeBytes} bytes`);
      return readBytes(blob, position, end);
    }
    position = end;
  }
  throw new KinoraError('invalid-file', 'This is not an MP4 file.', 'Choose an MP4 file made by Kinora.');
}

async function readBytes(blob: Blob, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await blob.slice(start, end).arrayBuffer());
  } catch (error) {
    throw new KinoraError('invalid-file', "This file can't be read.", 'It may have been moved or changed: choose it again.', {
      cause: error,
    });
  }
}

/** The UTF-8 values of every `©cmt` in udta/meta/ilst. */
function* itemListComments(moov: Uint8Array, userData: Box): Generator<string> {
  for (const meta of childBoxes(moov, userData).filter(({ type }) => type === 'meta')) {
    // A full box in MP4, a plain one in QuickTime: four bytes of version and flags, or a child at once.
    const isFullBox = meta.end - meta.content >= 8 && readBoxHeader(moov.subarray(meta.content, meta.end))?.type !== 'hdlr';
    const items = childBoxes(moov, meta, isFullBox ? 4 : 0).find(({ type }) => type === 'ilst');
    if (!items) continue;
    for (const item of childBoxes(moov, items).filter(({ type }) => type === '©cmt'))
      for (const { type, content, end } of childBoxes(moov, item)) {
        const lengthBytes = end - content - 8;
        // Type indicator 1 (UTF-8) and locale, then the text.
        if (type !== 'data' || lengthBytes < 0 || lengthBytes > MAX_COMMENT_BYTES) continue;
        if (new DataView(moov.buffer, moov.byteOffset).getUint32(content) !== 1) continue;
        yield new TextDecoder().decode(moov.subarray(content + 8, end));
      }
  }
}

/** The texts of every `©cmt` right in udta, where a remux to MOV puts the comment: 16-bit length and language, then UTF-8. */
function* quickTimeComments(moov: Uint8Array, userData: Box): Generator<string> {
  for (const { type, content, end } of childBoxes(moov, userData)) {
    if (type !== '©cmt' || end - content < 4) continue;
    const lengthBytes = new DataView(moov.buffer, moov.byteOffset).getUint16(content);
    if (content + 4 + lengthBytes <= end) yield new TextDecoder().decode(moov.subarray(content + 4, content + 4 + lengthBytes));
  }
}
