import { equalDims, formatShape } from '../dims';
import { invalidGraph } from '../errors';
import type { HostTensor } from '../host-tensor';
import type { Dim, OpName, Shape } from '../types';
import { count, expectInput, expectInputs, type OpDefinition } from './definition';

/** NumPy's rule: shapes are aligned at their last axis; equal dimensions or a 1 fit together. */
function broadcastShapes(op: OpName, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const shape: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== 1 && right !== 1 && !equalDims(left, right))
      throw invalidGraph(`${op} cannot broadcast ${formatShape(a)} with ${formatShape(b)}.`);
    shape.push(left === 1 ? right : left);
  }
  return shape;
}

/** An elementwise op of two inputs with broadcasting. */
export function binaryOp<Op extends 'add' | 'mul'>(op: Op, combine: (a: number, b: number) => number): OpDefinition<Op> {
  return {
    infer({ inputs }) {
      expectInputs(op, inputs, 2);
      return { shape: broadcastShapes(op, expectInput(op, inputs, 0).shape, expectInput(op, inputs, 1).shape), type: 'f32' };
    },

    evaluate({ inputs, shape }) {
      const [a, b] = inputs as [HostTensor, HostTensor];
      const aSteps = broadcastStrides(a.shape, shape.length);
      const bSteps = broadcastStrides(b.shape, shape.length);
      const y = new Float32Array(count(shape));
      const index = new Array<number>(shape.length).fill(0);
      const width = shape.at(-1) ?? 1;
      const aStep = aSteps.at(-1) ?? 0;
      const bStep = bSteps.at(-1) ?? 0;
      for (let at = 0; at < y.length;) {
        let aAt = 0;
        let bAt = 0;
        for (let axis = 0; axis < shape.length - 1; axis++) {
          aAt += index[axis]! * aSteps[axis]!;
          bAt += index[axis]! * bSteps[axis]!;
        }
        for (let i = 0; i < width; i++, at++, aAt += aStep, bAt += bStep) y[at] = combine(a.data[aAt]!, b.data[bAt]!);
        advance(index, shape, shape.length - 2);
      }
      return y;
    },
  };
}

/** Elements to step on each axis of the output, 0 where the input is repeated. */
function broadcastStrides(shape: readonly number[], rank: number): number[] {
  const strides = new Array<number>(rank).fill(0);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[rank - shape.length + axis] = shape[axis] === 1 ? 0 : stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** Moves a row-major index on by one, from `axis` outwards. */
export function advance(index: number[], shape: readonly number[], axis: number): void {
  for (; axis >= 0; axis--) {
    index[axis]!++;
    if (index[axis]! < shape[axis]!) return;
    index[axis] = 0;
  }
}
