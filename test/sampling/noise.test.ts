import { describe, expect, it } from 'vitest';
import { Mt19937 } from '../../src/sampling/mt19937';
import { TorchGenerator } from '../../src/sampling/noise';

describe('Mt19937', () => {
  it('gives the reference generator’s 10,000th word under its own seed', () => {
    // ISO C++ [rand.predef]: the 10000th value of mt19937 seeded with 5489.
    const generator = new Mt19937(5489);
    for (let i = 1; i < 10_000; i++) generator.next32();
    expect(generator.next32()).toBe(4123659995);
  });

  it('takes only the low 32 bits of a seed', () => {
    const words = (seed: number | bigint): number[] => {
      const generator = new Mt19937(seed);
      return Array.from({ length: 5 }, () => generator.next32());
    };
    expect(words(2 ** 32 + 5)).toEqual(words(5));
    expect(words(Number.MAX_SAFE_INTEGER)).toEqual(words(0xffffffff));
    expect(words(-1n)).toEqual(words(0xffffffff));
    expect(words(6)).not.toEqual(words(5));
  });
});

describe('TorchGenerator', () => {
  it('is standard normal', () => {
    const values = new TorchGenerator(7).next(200_001);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(Math.abs(variance - 1)).toBeLessThan(0.02);
  });

  it('keeps the second normal of an odd small draw for the next one, and past a large draw', () => {
    const whole = new TorchGenerator(3).next(4);
    const split = new TorchGenerator(3);
    expect([...split.next(3), ...split.next(1)]).toEqual([...whole]);
    const mixed = new TorchGenerator(3);
    mixed.next(3);
    mixed.next(16);
    expect(mixed.next(1)[0]).toBe(whole[3]);
  });

  it('draws nothing for nothing', () => {
    const generator = new TorchGenerator(1);
    expect(generator.next(0).length).toBe(0);
    expect([...generator.next(2)]).toEqual([...new TorchGenerator(1).next(2)]);
  });
});
