import { KinoraError } from '../errors';

/** A box of an ISO base media file (ISO/IEC 14496-12, 4.2), by offsets in the bytes that it was found in. */
export interface Box {
  /** Four characters, Latin-1. */
  readonly type: string;
  readonly start: number;
  /** First byte after the header. */
  readonly content: number;
  readonly end: number;
}

/** A real file has a dozen boxes a level; more means that something else is being read. */
const MAX_BOXES = 4096;

/**
 * The boxes between two offsets, one level deep. Strict: every box has a size and fits, and nothing is left over but the 32-bit zero
 * with which QuickTime ends its user data. Throws `invalid-file`.
 */
export function listBoxes(bytes: Uint8Array, start: number, end: number): Box[] {
  if (end > bytes.length) throw malformed('it is cut off');
  const boxes: Box[] = [];
  for (let position = start; position < end;) {
    if (boxes.length === MAX_BOXES) throw malformed(`more than ${MAX_BOXES} boxes on one level`);
    const rest = bytes.subarray(position, end);
    if (rest.length === 4 && rest.every((byte) => byte === 0)) break;
    const header = readBoxHeader(rest);
    if (!header) throw malformed(`a box header is cut off at byte ${position}`);
    const { type, headerBytes, sizeBytes } = header;
    if (sizeBytes === null) throw malformed(`the ${type} box at byte ${position} has no size`);
    if (sizeBytes > rest.length) throw malformed(`the ${type} box at byte ${position} is larger than what holds it`);
    boxes.push({ type, start: position, content: position + headerBytes, end: position + sizeBytes });
    position += sizeBytes;
  }
  return boxes;
}

/** Longest header: size, type and a 64-bit size. */
export const MAX_HEADER_BYTES = 16;

/**
 * Size and type from the first bytes of a box; null where they are cut off, `sizeBytes` null for "to the end of the file".
 * Throws `invalid-file` for a size below the header's own.
 */
export function readBoxHeader(bytes: Uint8Array): { type: string; headerBytes: number; sizeBytes: number | null } | null {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = String.fromCharCode(...bytes.subarray(4, 8));
  const size = view.getUint32(0);
  if (size === 0) return { type, headerBytes: 8, sizeBytes: null };
  if (size !== 1) {
    if (size < 8) throw malformed(`a ${type} box of ${size} bytes`);
    return { type, headerBytes: 8, sizeBytes: size };
  }
  if (bytes.length < MAX_HEADER_BYTES) return null;
  const large = view.getBigUint64(8);
  if (large < 16n || large > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(`a ${type} box of ${large} bytes`);
  return { type, headerBytes: 16, sizeBytes: Number(large) };
}

/** The children of a box. `skip` bytes lie between its header and the first of them (4 in a full box such as `meta`). */
export function childBoxes(bytes: Uint8Array, box: Box, skip = 0): Box[] {
  if (box.content + skip > box.end) throw malformed(`the ${box.type} box at byte ${box.start} is too short`);
  return listBoxes(bytes, box.content + skip, box.end);
}

/** The first child of each type in turn, or null where one is missing. */
export function findBox(bytes: Uint8Array, parent: Box, ...path: readonly string[]): Box | null {
  let box: Box | null = parent;
  for (const type of path) {
    if (!box) return null;
    box = childBoxes(bytes, box).find((child) => child.type === type) ?? null;
  }
  return box;
}

/** A box of `type` (four Latin-1 characters) round some contents, with a 32-bit size. */
export function makeBox(type: string, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const sizeBytes = contents.reduce((sum, { length }) => sum + length, 8);
  if (sizeBytes > 0xffffffff) throw malformed(`a ${type} box of ${sizeBytes} bytes`);
  const box = new Uint8Array(sizeBytes);
  new DataView(box.buffer).setUint32(0, sizeBytes);
  for (let index = 0; index < 4; index++) box[4 + index] = type.charCodeAt(index);
  let position = 8;
  for (const content of contents) {
    box.set(content, position);
    position += content.length;
  }
  return box;
}

export function malformed(problem: string): KinoraError {
  return new KinoraError(
    'invalid-file',
    `This MP4 file is malformed: ${problem}.`,
    'Choose a file that plays, such as one made by Kinora.',
  );
}
