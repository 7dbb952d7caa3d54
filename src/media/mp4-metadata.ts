import { childBoxes, findBox, listBoxes, makeBox, malformed, type Box } from './mp4-boxes';
import { GENERATOR } from './spec-comment';
import { xmpPacket } from './xmp';

/** Well-known types of iTunes metadata values (QuickTime File Format, "Well-known types"): 1 is UTF-8. */
const UTF8 = 1;
/** XMP in ISO base media files (XMP Specification Part 3, 1.1.3 "MPEG-4"): a `uuid` box of this extended type. */
const XMP_UUID = 'be7acfcb97a942e89c71999491e3afac';

/**
 * A finished MP4 with a comment and the mark that a machine made it, in place of those it had. The comment goes where iTunes, ffmpeg and players look for it,
 * moov/udta/meta/ilst `©cmt`, with the tool as `©too`; it survives a remux. The IPTC digital source type goes into an XMP
 * packet at the end of the file, where metadata readers look for it (a remux drops it; the comment says the same).
 *
 * moov grows, so every sample that lies behind it moves: the chunk offsets are shifted. Bytes of pictures stay as they are.
 * Throws `invalid-file` for what is not a plain (unfragmented) MP4.
 */
export function addMetadata(file: Uint8Array<ArrayBuffer>, comment: string): Uint8Array<ArrayBuffer> {
  const boxes = listBoxes(file, 0, file.length);
  if (boxes.some(({ type }) => type === 'moof')) throw malformed('it is fragmented');
  const moov = boxes.find(({ type }) => type === 'moov');
  if (!moov) throw malformed('it has no moov box');

  // An XMP packet of an earlier pass goes; what lies behind the samples and the index can go without moving them.
  const last = boxes.findLastIndex(({ type }) => type === 'moov' || type === 'mdat');
  const tail = boxes.slice(last + 1).filter((box) => !isXmp(file, box));
  const bodyEnd = boxes[last]!.end;

  const kept = childBoxes(file, moov)
    .filter(({ type }) => type !== 'udta')
    .map(({ start, end }) => file.subarray(start, end));
  const newMoov = makeBox('moov', ...kept, userData(comment));
  const growth = newMoov.length - (moov.end - moov.start);
  shiftChunkOffsets(newMoov, moov.end, growth);

  const xmp = makeBox('uuid', fromHex(XMP_UUID), utf8(xmpPacket()));
  return concat([
    file.subarray(0, moov.start),
    newMoov,
    file.subarray(moov.end, bodyEnd),
    ...tail.map(({ start, end }) => file.subarray(start, end)),
    xmp,
  ]);
}

function isXmp(file: Uint8Array, { type, content, end }: Box): boolean {
  const uuid = fromHex(XMP_UUID);
  return type === 'uuid' && end - content >= uuid.length && uuid.every((byte, at) => file[content + at] === byte);
}

/** udta/meta with iTunes' handler ("mdir") and item list. */
function userData(comment: string): Uint8Array {
  const versionAndFlags = new Uint8Array(4);
  // hdlr: pre_defined, handler type, three reserved words (iTunes writes "appl" into the first), empty name.
  const handler = makeBox('hdlr', versionAndFlags, new Uint8Array(4), ascii('mdirappl'), new Uint8Array(9));
  const items = makeBox('ilst', textItem('©cmt', comment), textItem('©too', GENERATOR));
  return makeBox('udta', makeBox('meta', versionAndFlags, handler, items));
}

/** One item: a `data` box with the value's type, locale 0, and the value. */
function textItem(type: string, text: string): Uint8Array {
  return makeBox(type, makeBox('data', new Uint8Array([0, 0, 0, UTF8, 0, 0, 0, 0]), utf8(text)));
}

/** Adds `growth` to every chunk offset in `moov` (a whole box) that points at or behind `from`. */
function shiftChunkOffsets(moov: Uint8Array<ArrayBuffer>, from: number, growth: number): void {
  const view = new DataView(moov.buffer);
  const [root] = listBoxes(moov, 0, moov.length) as [Box];
  for (const track of childBoxes(moov, root).filter(({ type }) => type === 'trak')) {
    const table = findBox(moov, track, 'mdia', 'minf', 'stbl');
    if (!table) throw malformed('a track has no sample table');
    for (const { type, content, end } of childBoxes(moov, table)) {
      if (type !== 'stco' && type !== 'co64') continue;
      // Version and flags, entry count, entries.
      if (end - content < 8) throw malformed(`its ${type} box is too short`);
      const count = view.getUint32(content + 4);
      const width = type === 'stco' ? 4 : 8;
      if (count * width !== end - content - 8) throw malformed(`its ${type} box holds other than ${count} entries`);
      for (let position = content + 8; position < end; position += width) {
        const offset = width === 4 ? view.getUint32(position) : Number(view.getBigUint64(position));
        if (offset < from) continue;
        const shifted = offset + growth;
        if (shifted > (width === 4 ? 0xffffffff : Number.MAX_SAFE_INTEGER)) throw malformed('it is too large for its chunk offsets');
        if (width === 4) view.setUint32(position, shifted);
        else view.setBigUint64(position, BigInt(shifted));
      }
    }
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
}
