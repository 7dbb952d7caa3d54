import type { Frame } from './frame';
import { KinoraError } from '../errors';

/**
 * A planar 4:2:0 picture, 8 bits, BT.709 limited range: Y [height, width], then Cb and Cr [height/2, width/2], contiguous.
 * This is the layout of a WebCodecs `VideoFrame` of format `I420` with default strides.
 */
export interface I420Picture {
  readonly width: number;
  readonly height: number;
  readonly planes: Uint8Array<ArrayBuffer>;
}

/** How a `VideoFrame` and the container describe what `rgbaToI420` makes (ITU-T H.273: 1, 1, 1, limited). */
export const BT709_LIMITED: VideoColorSpaceInit = { primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false };

// ITU-R BT.709-6, items 3.2 and 3.3: luma weights; 3.4: quantisation to 16..235 and 16..240.
const KR = 0.2126;
const KB = 0.0722;
const KG = 0.7152;
const LUMA_SCALE = 219 / 255;
const CHROMA_SCALE = 224 / 255;
const CB_SCALE = CHROMA_SCALE / (2 * (1 - KB));
const CR_SCALE = CHROMA_SCALE / (2 * (1 - KR));

// The same in whole numbers, which shaders/rgb-to-i420.wgsl shares to the bit: weights in 1/10,000; 16.5 + 219 · s / 2,550,000 and
// 128.5 + 224 · (10,000 · c - s) / (4 · 2 · (1 - K) · 2,550,000) over their common denominators.
const WEIGHT_RED = 2126;
const WEIGHT_GREEN = 7152;
const WEIGHT_BLUE = 722;
const lumaLevel = (sum: number) => Math.floor((84_150_000 + 438 * sum) / 5_100_000);
const cbLevel = (blue: number, sum: number) => Math.floor((304_016_865 + 28 * (10_000 * blue - sum)) / 2_365_890);
const crLevel = (red: number, sum: number) => Math.floor((258_011_295 + 28 * (10_000 * red - sum)) / 2_007_870);

/** Bytes of an I420 picture. Throws `invalid-spec` for odd or empty sizes: 4:2:0 halves both. */
export function i420SizeBytes(width: number, height: number): number {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 2 || height < 2 || width % 2 !== 0 || height % 2 !== 0)
    throw new KinoraError(
      'invalid-spec',
      `A video of ${width} x ${height} can't be encoded: both sizes must be even.`,
      'Choose an even width and height.',
    );
  return (width * height * 3) / 2;
}

/**
 * RGBA to BT.709 limited-range I420, rounded to nearest. A chroma sample is that of the mean colour of its 2 x 2 pixels
 * (centre siting): what players that replicate chroma reconstruct best, and within a quarter pixel for those that filter.
 * Made on the CPU so that colours do not depend on the browser's own conversion.
 *
 * @param planes where to write; allocated when absent
 */
export function rgbaToI420(frame: Frame, planes?: Uint8Array<ArrayBuffer>): I420Picture {
  const { width, height, rgba } = frame;
  const sizeBytes = i420SizeBytes(width, height);
  const out = planes ?? new Uint8Array(sizeBytes);
  const chromaWidth = width / 2;
  const cbStart = width * height;
  const crStart = cbStart + cbStart / 4;
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let dy = 0; dy < 2; dy++) {
        for (let dx = 0; dx < 2; dx++) {
          const pixel = (y + dy) * width + x + dx;
          const r = rgba[4 * pixel]!;
          const g = rgba[4 * pixel + 1]!;
          const b = rgba[4 * pixel + 2]!;
          out[pixel] = lumaLevel(WEIGHT_RED * r + WEIGHT_GREEN * g + WEIGHT_BLUE * b);
          red += r;
          green += g;
          blue += b;
        }
      }
      const sum = WEIGHT_RED * red + WEIGHT_GREEN * green + WEIGHT_BLUE * blue;
      const chroma = (y / 2) * chromaWidth + x / 2;
      out[cbStart + chroma] = cbLevel(blue, sum);
      out[crStart + chroma] = crLevel(red, sum);
    }
  }
  return { width, height, planes: out };
}

/** The inverse: each chroma sample serves its 2 x 2 pixels; alpha 255. */
export function i420ToRgba(picture: I420Picture): Frame {
  const { width, height, planes } = picture;
  i420SizeBytes(width, height);
  const rgba = new Uint8ClampedArray(width * height * 4); // rounds to nearest and clamps on store
  const cbStart = width * height;
  const crStart = cbStart + cbStart / 4;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      const chroma = (y >> 1) * (width / 2) + (x >> 1);
      const luma = (planes[pixel]! - 16) / LUMA_SCALE;
      const red = luma + (planes[crStart + chroma]! - 128) / CR_SCALE;
      const blue = luma + (planes[cbStart + chroma]! - 128) / CB_SCALE;
      rgba[4 * pixel] = red;
      rgba[4 * pixel + 1] = (luma - KR * red - KB * blue) / KG;
      rgba[4 * pixel + 2] = blue;
      rgba[4 * pixel + 3] = 255;
    }
  }
  return { width, height, rgba };
}
