import type { Executor } from '../../../src/graph/executor';
import type { OpCase } from './op-cases';

/** The output of a case's graph on an executor, on which nothing is left behind. */
export async function runCase(
  executor: Executor,
  { graph, weights, inputs }: OpCase,
): Promise<{ shape: readonly number[]; data: Float32Array }> {
  const compiled = await executor.compile(graph, weights);
  const tensors = Object.fromEntries(Object.entries(inputs).map(([name, { data, shape }]) => [name, executor.upload(data, shape)]));
  try {
    const { y } = await compiled.run(tensors);
    const data = (await executor.download(y!)) as Float32Array;
    y!.dispose();
    return { shape: y!.shape, data };
  } finally {
    Object.values(tensors).forEach((tensor) => tensor.dispose());
    await compiled.dispose();
  }
}

/** max|a − b| as a share of max|b|. NaN never passes a comparison with it. */
export function relativeError(actual: Float32Array, expected: Float32Array): number {
  let largest = 0;
  let worst = 0;
  expected.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value));
    const error = Math.abs(actual[i]! - value);
    if (!(error <= worst)) worst = error;
  });
  return largest === 0 ? worst : worst / largest;
}

/** rms(a − b) / rms(b). */
export function rmsError(actual: Float32Array, expected: Float32Array): number {
  let squares = 0;
  let errors = 0;
  expected.forEach((value, i) => {
    squares += value * value;
    errors += (actual[i]! - value) ** 2;
  });
  return Math.sqrt(errors / Math.max(squares, Number.MIN_VALUE));
}
