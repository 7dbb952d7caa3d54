import { GraphBuilder } from '../../src/graph/builder';
import { createReferenceExecutor } from '../../src/graph/reference';
import type { OpAttributes, OpName, Shape } from '../../src/graph/types';
import { OPS } from '../../src/graph/ops';
import type { OpDefinition, TypedShape } from '../../src/graph/ops/definition';
import { memoryWeights, type MemoryWeight } from './memory-weights';

export interface OpInput {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  readonly type?: 'f32' | 'i32';
}

export function tensor(shape: readonly number[], ...data: number[]): OpInput {
  return { shape, data };
}

/** 0, 1, 2, … in a shape. */
export function counting(...shape: number[]): OpInput {
  return { shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i) };
}

/** One op on the reference executor. */
export async function runOp<Op extends OpName>(
  op: Op,
  inputs: readonly OpInput[],
  attributes: OpAttributes[Op],
  weights: Readonly<Record<string, MemoryWeight>> = {},
): Promise<{ shape: readonly number[]; data: number[] }> {
  const source = memoryWeights(weights);
  const g = new GraphBuilder(op, source);
  const values = inputs.map(({ shape, type = 'f32' }, i) => g.input(`in${i}`, shape, type));
  const refs = Object.fromEntries(Object.keys(weights).map((name) => [name, g.weights.ref(name)]));
  g.output('out', g.apply(op, values, refs, attributes));
  const executor = createReferenceExecutor();
  const graph = await executor.compile(g.build(), source);
  const uploaded = inputs.map(
    ({ data, shape, type }, i) =>
      [`in${i}`, executor.upload(type === 'i32' ? Int32Array.from(data) : Float32Array.from(data), shape)] as const,
  );
  const { out } = await graph.run(Object.fromEntries(uploaded));
  return { shape: out!.shape, data: [...(await executor.download(out!))] };
}

/** What an op makes of shapes alone. */
export function inferOp<Op extends OpName>(
  op: Op,
  inputs: readonly Shape[],
  attributes: OpAttributes[Op],
  weights: Readonly<Record<string, readonly number[]>> = {},
): Shape {
  const definition: OpDefinition<Op> = OPS[op];
  const typed = inputs.map((shape): TypedShape => ({ shape, type: op === 'embedding' ? 'i32' : 'f32' }));
  return definition.infer({ inputs: typed, weights, attributes }).shape;
}
