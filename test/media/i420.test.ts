import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/media/frame';
import { i420ToRgba, rgbaToI420 } from '../../src/media/i420';
import { noise } from './clips';

function solid(width: number, height: number, [r, g, b]: readonly [number, number, number]): Frame {
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let at = 0; at < rgba.length; at += 4) rgba.set([r, g, b, 255], at);
  return { width, height, rgba };
}

describe('RGBA to I420', () => {
  // Eight-bit BT.709 colour bars at 100 %, as in SMPTE RP 219's tables.
  it.each([
    ['white', [255, 255, 255], [235, 128, 128]],
    ['yellow', [255, 255, 0], [219, 16, 138]],
    ['cyan', [0, 255, 255], [188, 154, 16]],
    ['green', [0, 255, 0], [173, 42, 26]],
    ['magenta', [255, 0, 255], [78, 214, 230]],
    ['red', [255, 0, 0], [63, 102, 240]],
    ['blue', [0, 0, 255], [32, 240, 118]],
    ['black', [0, 0, 0], [16, 128, 128]],
  ] as const)('gives %s its BT.709 limited-range code', (_name, rgb, [y, cb, cr]) => {
    const { planes } = rgbaToI420(solid(4, 2, rgb));
    expect([...planes]).toEqual([...Array(8).fill(y), cb, cb, cr, cr]);
  });

  it('rounds to nearest, against the standard evaluated term by term', () => {
    const width = 32;
    const height = 16;
    const frame = noise(width, height, 7);
    const { planes } = rgbaToI420(frame);
    // ITU-R BT.709-6: E'Y = 0.2126 R + 0.7152 G + 0.0722 B, E'CB = (B - Y) / 1.8556, E'CR = (R - Y) / 1.5748.
    const at = (x: number, y: number) => {
      const [r, g, b] = [...frame.rgba.subarray((y * width + x) * 4, (y * width + x) * 4 + 3)].map((v) => v / 255) as [
        number,
        number,
        number,
      ];
      const luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
      return { luma, cb: (b - luma) / 1.8556, cr: (r - luma) / 1.5748 };
    };
    const mean = (x: number, y: number, channel: 'cb' | 'cr') =>
      (at(x, y)[channel] + at(x + 1, y)[channel] + at(x, y + 1)[channel] + at(x + 1, y + 1)[channel]) / 4;
    let largest = 0;
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) largest = Math.max(largest, Math.abs(planes[y * width + x]! - (219 * at(x, y).luma + 16)));
    for (let y = 0; y < height; y += 2)
      for (let x = 0; x < width; x += 2) {
        const chroma = width * height + (y / 2) * (width / 2) + x / 2;
        largest = Math.max(largest, Math.abs(planes[chroma]! - (224 * mean(x, y, 'cb') + 128)));
        largest = Math.max(largest, Math.abs(planes[chroma + (width * height) / 4]! - (224 * mean(x, y, 'cr') + 128)));
      }
    expect(largest).toBeLessThanOrEqual(0.5 + 1e-9);
  });

  it('comes back within the codes of limited range where four pixels share a colour', () => {
    let largest = 0;
    for (let r = 0; r < 256; r += 15)
      for (let g = 0; g < 256; g += 15)
        for (let b = 0; b < 256; b += 15) {
          const { rgba } = i420ToRgba(rgbaToI420(solid(2, 2, [r, g, b])));
          largest = Math.max(largest, Math.abs(rgba[0]! - r), Math.abs(rgba[1]! - g), Math.abs(rgba[2]! - b));
        }
    // Half a code of Y is 0.58 levels; half a code of Cb adds 1.06 to blue: two levels at most.
    expect(largest).toBeLessThanOrEqual(2);
  });

  it.each([
    [63, 64],
    [64, 63],
    [0, 2],
    [2.5, 2],
  ])('refuses %s x %s', (width, height) => {
    expect(() => rgbaToI420({ width, height, rgba: new Uint8ClampedArray(4 * 64 * 64) })).toThrow(
      expect.objectContaining({ code: 'invalid-spec', message: expect.stringContaining('even') }),
    );
  });
});
