import { KinoraError } from '../../src/errors';
import type { WeightSource } from '../../src/graph/types';

export interface MemoryWeight {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** f32 weights in memory, by name. */
export function memoryWeights(weights: Readonly<Record<string, MemoryWeight>>): WeightSource {
  const find = (name: string): MemoryWeight => {
    const weight = weights[name];
    if (!weight) throw new KinoraError('invalid-file', `The weights lack "${name}".`, 'Use another file.');
    return weight;
  };
  const readF32 = async (name: string) => Float32Array.from(find(name).data);
  return {
    has: (name) => name in weights,
    info: (name) => ({ name, shape: find(name).shape, type: 'F32', sizeBytes: 4 * find(name).data.length }),
    read: async (name) => new Uint8Array((await readF32(name)).buffer),
    readF32,
  };
}

/** A deterministic sequence of numbers in [-1, 1). */
export function randomNumbers(seed: number): (count: number) => Float32Array {
  let state = seed >>> 0;
  return (count) =>
    Float32Array.from({ length: count }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator
      return state / 2 ** 31 - 1;
    });
}

/** Random weights of the given shapes, scaled by their fan-in so that networks keep their values' size. */
export function randomWeights(shapes: Readonly<Record<string, readonly number[]>>, seed: number): WeightSource {
  const next = randomNumbers(seed);
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  return memoryWeights(
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => {
        const gain = shape.length > 1 ? Math.sqrt(3 / size(shape.slice(1))) : 0.5;
        return [name, { shape, data: next(size(shape)).map((x) => x * gain) }];
      }),
    ),
  );
}
