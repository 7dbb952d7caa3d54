import { expect } from 'vitest';
import type { WgslExecutor } from '../../../src/backends/wgsl/create-wgsl-executor';
import { GraphBuilder } from '../../../src/graph/builder';
import type { Executor } from '../../../src/graph/executor';
import { createReferenceExecutor } from '../../../src/graph/reference';
import type { Value, WeightSource, WeightType } from '../../../src/graph/types';
import { randomNumbers, randomWeights } from './random-weights';

/** A small graph on random inputs and weights. */
export interface Case {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  readonly type?: WeightType;
  /** Ids instead of floats for these inputs, below this bound. */
  readonly ids?: number;
  build(g: GraphBuilder, inputs: Record<string, Value>): Value;
}

/** A case's result on an executor. */
export async function evaluate(target: Executor, { inputs, ids, build }: Case, weights: WeightSource): Promise<Float32Array> {
  const g = new GraphBuilder('case', weights);
  const values: Record<string, Value> = {};
  for (const [name, shape] of Object.entries(inputs)) values[name] = g.input(name, shape, name === 'ids' ? 'i32' : 'f32');
  g.output('y', build(g, values));
  const compiled = await target.compile(g.build(), weights);
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, shape], index) => {
      const data = randomNumbers(
        shape.reduce((size, dim) => size * dim, 1),
        index + 1,
      );
      return [
        name,
        target.upload(name === 'ids' ? Int32Array.from(data, (value) => Math.floor(Math.abs(value) * (ids ?? 1))) : data, shape),
      ];
    }),
  );
  const { y } = await compiled.run(tensors);
  const result = (await target.download(y!)) as Float32Array;
  y!.dispose();
  Object.values(tensors).forEach((tensor) => tensor.dispose());
  await compiled.dispose();
  return result;
}

/** Compares a case with the reference within a validation scope; returns the largest difference, of the result's root mean square. */
export async function expectParity(
  test: Case,
  tolerance: number,
  { executor, device }: { readonly executor: WgslExecutor; readonly device: GPUDevice },
): Promise<number> {
  const weights = randomWeights(test.weights ?? {}, test.type);
  const golden = await evaluate(createReferenceExecutor(), test, weights);
  device.pushErrorScope('validation');
  const actual = await evaluate(executor, test, weights);
  expect(await device.popErrorScope()).toBeNull();
  expect(actual.length).toBe(golden.length);
  const scale = Math.max(1e-6, Math.sqrt(golden.reduce((sum, value) => sum + value * value, 0) / golden.length));
  let worst = 0;
  for (let i = 0; i < golden.length; i++) worst = Math.max(worst, Math.abs(actual[i]! - golden[i]!) / scale);
  expect(worst).toBeLessThan(tolerance);
  expect(executor.liveBuffers).toBe(0);
  return worst;
}
