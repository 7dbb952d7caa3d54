import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/media/frame';
import { upscale } from '../../src/media/upscale';
import { noise, psnr, storybookClip } from './clips';

const [large] = storybookClip(128, 96, 1) as [Frame];

describe('upscale', () => {
  it('leaves a clip alone at 1', () => {
    expect(upscale(large, 1)).toBe(large);
  });

  it.each([2, 4] as const)('makes every pixel %s times as wide and high, opaque', (factor) => {
    const { width, height, rgba } = upscale({ width: 3, height: 5, rgba: new Uint8ClampedArray(60).fill(77) }, factor);
    expect([width, height]).toEqual([3 * factor, 5 * factor]);
    expect(rgba.length).toBe(width * height * 4);
    expect(rgba.every((value, index) => value === (index % 4 === 3 ? 255 : 77))).toBe(true);
  });

  it.each([2, 4] as const)('invents no colour: at %s, each lies between those of the nine pixels round it', (factor) => {
    const small = noise(12, 10, 3);
    const big = upscale(small, factor);
    for (let y = 0; y < big.height; y++)
      for (let x = 0; x < big.width; x++)
        for (let channel = 0; channel < 3; channel++) {
          const near: number[] = [];
          for (let dy = -1; dy <= 1; dy++)
            for (let dx = -1; dx <= 1; dx++) {
              const sy = Math.floor(y / factor) + dy;
              const sx = Math.floor(x / factor) + dx;
              if (sy >= 0 && sx >= 0 && sy < small.height && sx < small.width)
                near.push(small.rgba[(sy * small.width + sx) * 4 + channel]!);
            }
          const value = big.rgba[(y * big.width + x) * 4 + channel]!;
          expect(value).toBeGreaterThanOrEqual(Math.min(...near));
          expect(value).toBeLessThanOrEqual(Math.max(...near));
        }
  });

  it('treats left and right, top and bottom alike', () => {
    const small = noise(9, 7, 5);
    expect(flip(upscale(flip(small), 4)).rgba).toEqual(upscale(small, 4).rgba);
  });

  it('brings back a halved picture better than repeating pixels does', () => {
    const halved = halve(large);
    const crisp = upscale(halved, 2);
    const repeated = repeat(halved, 2);
    expect(psnr(crisp, large)).toBeGreaterThan(psnr(repeated, large) + 1);
  });

  it('keeps a drawn edge within two output pixels at 4x', () => {
    // A hard edge between pixels 7 and 8 of a row: interpolation alone would spread it over four and more.
    const rgba = new Uint8ClampedArray(16 * 8 * 4);
    for (let at = 0; at < rgba.length; at += 4) rgba.fill((at / 4) % 16 < 8 ? 20 : 220, at, at + 3);
    const { rgba: big, width } = upscale({ width: 16, height: 8, rgba }, 4);
    const row = Array.from({ length: width }, (_, x) => big[(16 * width + x) * 4]!);
    expect(row.slice(0, 31).every((value) => value < 30)).toBe(true);
    expect(row.slice(33).every((value) => value > 210)).toBe(true);
    // Catmull-Rom alone gives 89 and 151 here.
    expect(row[31]).toBeLessThan(65);
    expect(row[32]).toBeGreaterThan(175);
  });

  it('refuses other factors', () => {
    expect(() => upscale(large, 3 as 2)).toThrow(expect.objectContaining({ code: 'invalid-spec', hint: 'Choose 1, 2 or 4.' }));
  });
});

function flip({ width, height, rgba }: Frame): Frame {
  const out = new Uint8ClampedArray(rgba.length);
  for (let pixel = 0; pixel < width * height; pixel++) out.set(rgba.subarray(pixel * 4, pixel * 4 + 4), (width * height - 1 - pixel) * 4);
  return { width, height, rgba: out };
}

function halve({ width, height, rgba }: Frame): Frame {
  const out = new Uint8ClampedArray((width * height) | 0);
  for (let y = 0; y < height / 2; y++)
    for (let x = 0; x < width / 2; x++)
      for (let channel = 0; channel < 4; channel++) {
        const at = (dy: number, dx: number) => rgba[((2 * y + dy) * width + 2 * x + dx) * 4 + channel]!;
        out[(y * (width / 2) + x) * 4 + channel] = (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4;
      }
  return { width: width / 2, height: height / 2, rgba: out };
}

function repeat({ width, height, rgba }: Frame, factor: number): Frame {
  const out = new Uint8ClampedArray(rgba.length * factor * factor);
  for (let y = 0; y < height * factor; y++)
    for (let x = 0; x < width * factor; x++) {
      const source = (Math.floor(y / factor) * width + Math.floor(x / factor)) * 4;
      out.set(rgba.subarray(source, source + 4), (y * width * factor + x) * 4);
    }
  return { width: width * factor, height: height * factor, rgba: out };
}
