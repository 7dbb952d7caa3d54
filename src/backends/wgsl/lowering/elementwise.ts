import { invalidGraph } from '../../../graph/errors';
import type { Node, Value } from '../../../graph/types';
import { linearGroups, type Kernel, type Param } from '../kernel';
import { activationFunction } from './activation';
import { operands, product, type LoweringContext } from './context';

const MAX_AXES = 4;

/** Row-major element strides of an input on the output's axes, 0 where it is broadcast. */
function broadcastStrides(shape: readonly number[], axes: number): number[] {
  const result = new Array<number>(axes).fill(0);
  let stride = 1;
  for (let back = 1; back <= shape.length; back++) {
    const size = shape.at(-back)!;
    if (size > 1) result[axes - back] = stride;
    stride *= size;
  }
  return result;
}

export function lowerElementwise(
  node: Extract<Node, { op: 'add' | 'mul' | 'gatedAdd' | 'modulate' | 'scale' | 'clamp' | 'gelu' | 'silu' | 'relu' | 'tanh' }>,
  context: LoweringContext,
): readonly Kernel[] {
  const shape = context.shape(node.output);
  // Wholly elementwise ops need no axes: one long row.
  const alike = node.inputs.every((input) => product(context.shape(input)) === product(shape));
  const axes = alike ? [product(shape)] : [...shape];
  if (axes.length > MAX_AXES)
    throw invalidGraph(`${node.op} over ${axes.length} axes has no kernel: up to ${MAX_AXES} have.`, 'Choose another backend.');
  const padded = [...new Array<number>(MAX_AXES - axes.length).fill(1), ...axes];
  const stridesOf = (value: Value | undefined) => (value ? broadcastStrides(alike ? axes : context.shape(value), MAX_AXES) : [0, 0, 0, 0]);
  const [a, b, c] = node.inputs;
  const [low, high] =
    node.op === 'scale' ? [node.attributes.factor, 0] : node.op === 'clamp' ? [node.attributes.min, node.attributes.max] : [0, 0];
  const strides = [a, b, c].map(stridesOf);
  // Divided along the first axis that has a size; an input that is broadcast along it stays whole.
  const first = Math.max(
    0,
    padded.findIndex((size) => size > 1),
  );
  const inner = product(padded.slice(first + 1));
  const part = (_: number, count: number) => {
    const sizes = padded.with(first, count);
    const params: Param[] = [...sizes, ...strides.flat(), count * inner, { f32: low }, { f32: high }];
    return { params, groups: linearGroups(count * inner, 256), work: 16 * count * inner };
  };
  const rowBytes: Record<number, number> = { 4: 4 * inner };
  [a, b, c].forEach((value, index) => {
    if (value && strides[index]![first]! > 0) rowBytes[index + 1] = 4 * strides[index]![first]!;
  });
  const activation = activationFunction(node);
  const op = node.op === 'gatedAdd' ? 'OP_GATED_ADD' : `OP_${node.op.toUpperCase()}`;
  return [
    {
      shader: 'elementwise',
      defines: {
        ...(activation ? { ACTIVATED: true, ACTIVATION: activation } : { [op]: true }),
        SECOND: b !== undefined,
        THIRD: c !== undefined,
      },
      reads: operands({ 1: a, 2: b, 3: c }, context),
      output: { binding: 4, value: node.output },
      ...part(0, padded[first]!),
      split: { rows: padded[first]!, rowBytes, part },
    },
  ];
}
