import { KinoraError } from '../errors';
import { checkFrame, type Frame } from './frame';
import { MAX_COMMENT_BYTES } from './spec-comment';
import { xmpPacket } from './xmp';

/** Browsers slow frames of less than 2/100 s down to 10/100 s. */
const MAX_FPS = 50;
/** GIF89a block labels. */
const EXTENSION = 0x21;
const COMMENT = 0xfe;
const APPLICATION = 0xff;
const IMAGE = 0x2c;
const TRAILER = 0x3b;

/**
 * Frames as a GIF that loops for ever: 256 colours for each frame of its own, no dithering (flat art stays flat), each frame shown for
 * the hundredths of a second that keep the clip in time (8 frames a second: 13, 12, 13, 12 …). The comment and the AI-made mark (XMP) go in
 * as extensions. Throws `unsupported` above 50 frames a second, which no browser plays.
 */
export async function encodeGif(frames: AsyncIterable<Frame>, fps: number, comment: string): Promise<Blob> {
  if (fps > MAX_FPS)
    throw new KinoraError('unsupported', `A GIF can’t show ${fps} frames a second.`, `${MAX_FPS} is the most: choose MP4 or WebM.`);
  const { applyPalette, GIFEncoder, quantize } = await import('gifenc');
  const gif = GIFEncoder();
  let index = 0;
  for await (const frame of frames) {
    checkFrame(frame);
    const palette = quantize(frame.rgba, 256, { format: 'rgb565' });
    const delay = 10 * (hundredths(index + 1, fps) - hundredths(index, fps));
    gif.writeFrame(applyPalette(frame.rgba, palette, 'rgb565'), frame.width, frame.height, { palette, delay, repeat: 0 });
    index++;
  }
  if (index === 0) throw new KinoraError('internal', 'A GIF without frames can’t be made.', 'Give at least one frame.');
  gif.stream.writeBytes([EXTENSION, COMMENT]);
  writeSubBlocks(gif.stream, new TextEncoder().encode(toAscii(comment)));
  // XMP Specification Part 3, 1.1.2: the packet as it is, then a trailer that ends it for readers of sub-blocks.
  gif.stream.writeBytes([EXTENSION, APPLICATION, 11, ...new TextEncoder().encode('XMP DataXMP'), ...new TextEncoder().encode(xmpPacket())]);
  gif.stream.writeBytes([1, ...Array.from({ length: 256 }, (_, at) => 255 - at), 0]);
  gif.finish();
  return new Blob([gif.bytes()], { type: 'image/gif' });
}

/** The comments of a GIF, as far as it can be followed; none for what is no GIF. */
export function readGifComments(bytes: Uint8Array): string[] {
  if (!/^GIF8[79]a$/.test(new TextDecoder('latin1').decode(bytes.subarray(0, 6)))) return [];
  const comments: string[] = [];
  const colours = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  let at = 13 + colours(bytes[10] ?? 0);
  while (at < bytes.length && bytes[at] !== TRAILER) {
    const kind = bytes[at];
    const label = bytes[at + 1];
    if (kind === IMAGE) at += 11 + colours(bytes[at + 9] ?? 0);
    else if (kind === EXTENSION) at += 2;
    else break;
    const parts: number[] = [];
    for (let size = bytes[at] ?? 0; size > 0; size = bytes[at] ?? 0) {
      if (kind === EXTENSION && label === COMMENT && parts.length < MAX_COMMENT_BYTES) parts.push(...bytes.subarray(at + 1, at + 1 + size));
      at += 1 + size;
    }
    at += 1;
    if (parts.length > 0) comments.push(new TextDecoder().decode(Uint8Array.from(parts)));
  }
  return comments;
}

function hundredths(index: number, fps: number): number {
  return Math.round((index * 100) / fps);
}

function writeSubBlocks(stream: { writeBytes(bytes: readonly number[]): void }, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 255) {
    const part = bytes.subarray(at, at + 255);
    stream.writeBytes([part.length, ...part]);
  }
  stream.writeBytes([0]);
}

/** Comments are 7-bit ASCII (GIF89a, 24); in JSON, every character can be written so. */
function toAscii(json: string): string {
  return json.replace(/[\u0080-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
