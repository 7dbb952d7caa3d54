import type { Frame } from '../../src/media/frame';
import type { I420Picture } from '../../src/media/i420';

/** A small generator (mulberry32) so that clips are the same on every run. */
function randomizer(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Independent uniform colours: the hardest picture there is. */
export function noise(width: number, height: number, seed: number): Frame {
  const random = randomizer(seed);
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let at = 0; at < rgba.length; at++) rgba[at] = at % 4 === 3 ? 255 : Math.floor(random() * 256);
  return { width, height, rgba };
}

/**
 * Flat art like the bundled model's: a sky gradient, ground, and a disc and a striped square that cross it, edges soft over about a
 * pixel and a half. `grain` is the standard deviation of luma noise, in 8-bit levels.
 */
export function storybookClip(width: number, height: number, count: number, grain = 0): Frame[] {
  const random = randomizer(count + width);
  return Array.from({ length: count }, (_, index) => {
    const time = index / Math.max(1, count - 1);
    const rgba = new Uint8ClampedArray(width * height * 4);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const v = y / height;
        const u = x / width;
        const soft = (distance: number) => Math.min(1, Math.max(0, 0.5 - (distance * width) / 3));
        let colour = mix([120, 190, 240], [230, 240, 250], v);
        colour = mix(colour, [110, 160, 90], soft(0.7 - v));
        colour = mix(colour, [240, 200, 70], soft(Math.hypot(u - 0.2 - 0.6 * time, v - 0.3) - 0.14));
        const stripe = Math.sin(40 * v) > 0 ? [190, 80, 60] : [200, 130, 90];
        colour = mix(colour, stripe, soft(Math.max(Math.abs(u - 0.8 + 0.5 * time), Math.abs(v - 0.65)) - 0.12));
        const bump = grain * 1.7 * (random() + random() + random() + random() - 2);
        for (let channel = 0; channel < 3; channel++) rgba[(y * width + x) * 4 + channel] = colour[channel]! + bump;
        rgba[(y * width + x) * 4 + 3] = 255;
      }
    }
    return { width, height, rgba };
  });
}

function mix(a: readonly number[], b: readonly number[], share: number): number[] {
  return a.map((value, index) => value + (b[index]! - value) * share);
}

/** Peak signal-to-noise ratio in dB over red, green and blue; Infinity for equal pictures. */
export function psnr(a: Frame, b: Frame): number {
  if (a.width !== b.width || a.height !== b.height) throw new Error(`${a.width}x${a.height} against ${b.width}x${b.height}`);
  let sum = 0;
  for (let at = 0; at < a.rgba.length; at++) if (at % 4 !== 3) sum += (a.rgba[at]! - b.rgba[at]!) ** 2;
  return 10 * Math.log10((255 * 255 * 0.75 * a.rgba.length) / sum);
}

/** The same over the samples of all three planes: what the codec alone lost, colour subsampling aside. */
export function planesPsnr(a: I420Picture, b: I420Picture): number {
  if (a.width !== b.width || a.height !== b.height) throw new Error(`${a.width}x${a.height} against ${b.width}x${b.height}`);
  const sum = a.planes.reduce((total, value, at) => total + (value - b.planes[at]!) ** 2, 0);
  return 10 * Math.log10((255 * 255 * a.planes.length) / sum);
}
