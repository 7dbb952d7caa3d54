import type { Node } from '../../../graph/types';
import type { Group } from '../fuse';
import { linearGroups, squareGroups, type Kernel, type Operand } from '../kernel';
import { operands, product, weightOperand, type LoweringContext } from './context';

export function lowerNorm({ norm, modulate, rope, output }: Extract<Group, { kind: 'norm' }>, context: LoweringContext): readonly Kernel[] {
  const shape = context.shape(norm.inputs[0]!);
  const width = shape.at(-1)!;
  const rows = product(shape.slice(0, -1));
  const reads: Record<number, Operand> = { 1: context.operand(norm.inputs[0]!) };
  if (norm.weights['weight']) reads[2] = weightOperand(norm.weights['weight']);
  if (norm.weights['bias']) reads[3] = weightOperand(norm.weights['bias']);
  let rowsPerGroup = 1;
  let strides = [width, width];
  if (modulate) {
    const [, shift, scale] = modulate.inputs;
    reads[4] = context.operand(shift!);
    reads[5] = context.operand(scale!);
    rowsPerGroup = rows / context.shape(shift!)[0]!;
    strides = [context.rowStride(shift!), context.rowStride(scale!)];
  }
  let headDim = width;
  if (rope) {
    reads[4] = context.operand(rope.inputs[1]!);
    reads[5] = context.operand(rope.inputs[2]!);
    headDim = width / rope.attributes.heads;
  }
  const rowBytes: Record<number, number> = { 1: 4 * width, 6: 4 * width };
  if (rope) rowBytes[4] = rowBytes[5] = 2 * headDim; // its tables have a row for each
  const part = (firstRow: number, count: number) => ({
    params: [count, width, rowsPerGroup, headDim, { f32: norm.attributes.eps }, firstRow, ...strides],
    groups: squareGroups(context.traits.software ? Math.ceil(count / 4) : count),
    work: 16 * count * width,
  });
  return [
    {
      shader: 'norm',
      defines: {
        SHARED: !context.traits.software,
        KIND_LAYER: norm.op === 'layerNorm',
        WEIGHT: reads[2] !== undefined,
        BIAS: reads[3] !== undefined,
        MODULATE: modulate !== undefined,
        ROPE: rope !== undefined,
      },
      reads,
      output: { binding: 6, value: output },
      ...part(0, rows),
      split: { rows, rowBytes, part },
    },
  ];
}

export function lowerRope(node: Extract<Node, { op: 'rope' }>, context: LoweringContext): readonly Kernel[] {
  const shape = context.shape(node.inputs[0]!);
  const width = shape.at(-1)!;
  const rows = product(shape.slice(0, -1));
  const headDim = width / node.attributes.heads;
  const part = (_: number, count: number) => {
    const pairs = (count * width) / 2;
    return { params: [pairs, width / 2, headDim / 2], groups: linearGroups(pairs, 256), work: 16 * pairs };
  };
  return [
    {
      shader: 'rope',
      defines: {},
      reads: operands({ 1: node.inputs[0], 2: node.inputs[1], 3: node.inputs[2] }, context),
      output: { binding: 4, value: node.output },
      ...part(0, rows),
      split: { rows, rowBytes: { 1: 4 * width, 2: 2 * headDim, 3: 2 * headDim, 4: 4 * width }, part },
    },
  ];
}
