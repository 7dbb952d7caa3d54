import { describe, expect, it } from 'vitest';
import { av1Level, avcLevel, vp9Level } from '../../src/media/codec-levels';
import { encoderLadder } from '../../src/media/encoder-ladder';

describe('levels', () => {
  it.each([
    // 16 macroblocks; 99 and 100 of them; 8 x 45 x 30 = 108000 a second
    [64, 64, 8, 50_000, 10],
    [176, 144, 15, 64_000, 10],
    [192, 192, 8, 64_000, 11],
    [1280, 720, 30, 8_000_000, 31],
    [1280, 720, 31, 8_000_000, 32],
    [832, 480, 16, 8_000_000, 30],
    [1920, 1080, 30, 10_000_000, 40],
    [1920, 1080, 60, 10_000_000, 42],
    // bitrate alone: 262 kbit/s is above 1.1's 192; 65 kbit/s above 1's 64
    [64, 64, 8, 262_144, 12],
    [64, 64, 8, 65_000, 11],
    // 72 macroblocks fit level 1, a side of 36 does not (sqrt(8 x 99) = 28.1)
    [32, 576, 8, 50_000, 11],
  ])('H.264 %s x %s at %s fps, %s bit/s: %s', (width, height, fps, bitrate, level) => {
    expect(avcLevel({ width, height, fps }, bitrate)).toBe(level);
  });

  it.each([
    [64, 64, 8, 10, 0],
    [832, 480, 16, 30, 4],
    [1920, 1080, 30, 40, 8],
    [3840, 2160, 60, 51, 13],
  ])('VP9 and AV1 %s x %s at %s fps: %s, %s', (width, height, fps, vp9, av1) => {
    expect(vp9Level({ width, height, fps })).toBe(vp9);
    expect(av1Level({ width, height, fps })).toBe(av1);
  });

  it('says what is too large for any of them', () => {
    const size = { width: 20_000, height: 20_000, fps: 60 };
    for (const level of [() => avcLevel(size, 1), () => vp9Level(size), () => av1Level(size)])
      expect(level).toThrow(expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('20000 x 20000') }));
  });

  it('puts the levels into codec strings, best codec first, each with the preference of the browser and then in software', () => {
    const ladder = encoderLadder({ width: 128, height: 128, fps: 24 });
    const rungs = ladder.map(({ config, container }) => `${container} ${config.codec}`);
    expect([...new Set(rungs)]).toEqual([
      'mp4 avc1.42E014',
      'mp4 avc1.42E028',
      'mp4 avc1.4D0014',
      'mp4 avc1.4D0028',
      'mp4 avc1.640014',
      'mp4 avc1.640028',
      'mp4 vp09.00.10.08',
      'mp4 av01.0.00M.08',
      'webm vp09.00.10.08',
    ]);
    expect(ladder.map(({ config }) => config.hardwareAcceleration).slice(0, 4)).toEqual([
      'no-preference',
      'prefer-software',
      'no-preference',
      'prefer-software',
    ]);
    expect(ladder.every(({ config }) => config.latencyMode === 'quality')).toBe(true);
  });
});
