import { KinoraError } from '../errors';
import { decodeVideo } from './decode-video';
import type { Frame } from './frame';
import { frameToPng } from './png';

/** Longest side of a poster; enough for a card on a sharp display. */
const MAX_SIDE = 480;
/** Up to this size a PNG is small, and JPEG's halved colours would show. */
const PNG_SIDE = 128;

/** A still picture for a clip: the frame in its middle, where there is most to see, reduced to at most 480 pixels a side. */
export async function makePoster(file: Blob, frames: number): Promise<Blob> {
  const wanted = Math.floor(frames / 2);
  let last: Frame | null = null;
  let index = 0;
  for await (const frame of decodeVideo(file)) {
    last = frame;
    if (index++ === wanted) break;
  }
  if (!last) throw new KinoraError('invalid-file', 'There are no frames in this clip.', 'Choose another clip.');
  return shrink(last);
}

async function shrink(frame: Frame): Promise<Blob> {
  const { width, height, rgba } = frame;
  const longest = Math.max(width, height);
  if (longest <= PNG_SIDE) return frameToPng(frame);
  const share = Math.min(1, MAX_SIDE / longest);
  const canvas = new OffscreenCanvas(Math.round(width * share), Math.round(height * share));
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(await createImageBitmap(new ImageData(rgba, width, height)), 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: 'image/jpeg', quality: 0.85 });
}
