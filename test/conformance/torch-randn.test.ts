import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Mt19937 } from '../../src/sampling/mt19937';
import { TorchGenerator } from '../../src/sampling/noise';
import { findJson, maxDifference } from './json-cases';
import { readGoldens } from './fixture-folder';
import { nodeFixtures } from './node-fixtures';

interface Randn {
  first_words: Record<string, number[]>;
  shape: number[];
  cases: { seed: number; n: number; first: number[]; last: number[]; sum_f64: number }[];
  successive_calls_one_generator: { seed: number; n: number; values: number[] }[];
}
const TOLERANCE = 1e-6;

describe.each(findJson<Randn>('torch-randn', 'cases', 'first_words'))('$name', ({ json, folder }) => {
  it.each(Object.entries(json.first_words))('first words of seed %s', (seed, words) => {
    const generator = new Mt19937(BigInt(seed));
    expect(words.map(() => generator.next32())).toEqual(words);
  });

  it.each(json.cases)('seed $seed, $n values', ({ seed, n, first, last, sum_f64 }) => {
    const values = new TorchGenerator(seed).next(n);
    expect(maxDifference(values.slice(0, first.length), first)).toBeLessThan(TOLERANCE);
    expect(maxDifference(values.slice(-last.length), last)).toBeLessThan(TOLERANCE);
    // Every value within the tolerance, and most of them equal: the sum tells about those in between.
    expect(Math.abs(values.reduce((sum, value) => sum + value, 0) - sum_f64)).toBeLessThan(n * TOLERANCE);
  });

  it('goes on with its stream from call to call', () => {
    const generators = new Map<number, TorchGenerator>();
    for (const { seed, n, values } of json.successive_calls_one_generator) {
      const generator = generators.get(seed) ?? new TorchGenerator(seed);
      generators.set(seed, generator);
      expect(maxDifference(generator.next(n), values), `seed ${seed}, ${n} values`).toBeLessThan(TOLERANCE);
    }
    expect(generators.size).toBeGreaterThan(0);
  });

  it('fills tensors of any shape row by row', async () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
    const tensors = (await Promise.all(files.map((file) => readGoldens(nodeFixtures(folder), file)))).flatMap((goldens) => [...goldens]);
    expect(tensors.length).toBeGreaterThan(0);
    for (const [seed, tensor] of tensors) {
      expect(tensor.shape).toEqual(json.shape);
      expect(maxDifference(new TorchGenerator(BigInt(seed)).next(tensor.data.length), tensor.data), seed).toBeLessThan(TOLERANCE);
    }
  });
});
