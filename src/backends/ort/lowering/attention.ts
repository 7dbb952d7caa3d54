import type { Value } from '../../../graph/types';
import { CONTRIB, float, int } from '../onnx/builder';
import type { LoweringContext, NodeOf } from './context';

/** softmax(scale · q·kᵀ + bias) · v per head, over [N, heads · dim]. */
export function lowerAttention(context: LoweringContext, node: NodeOf<'attention'>): void {
  if (context.choices.attention === 'fused') context.set(node.output, 'sequence', fusedAttention(context, node));
  else context.set(node.output, 'rows', plainAttention(context, node));
}

function fusedAttention(context: LoweringContext, node: NodeOf<'attention'>): string {
  const [q, k, v, bias] = node.inputs as readonly [Value, Value, Value, Value?];
  const inputs = [q, k, v].map((value) => context.get(value, 'sequence'));
  if (bias) inputs.push('', '', context.onnx.node('Unsqueeze', [context.get(bias), context.onnx.int64s([0])]));
  const { heads, scale } = node.attributes;
  return context.onnx.node('MultiHeadAttention', inputs, { domain: CONTRIB, attributes: [int('num_heads', heads), float('scale', scale)] });
}

function plainAttention(context: LoweringContext, node: NodeOf<'attention'>): string {
  const [q, k, v, bias] = node.inputs as readonly [Value, Value, Value, Value?];
  const { heads, scale } = node.attributes;
  const width = q.shape.at(-1) as number;
  // [N, heads · dim] → [heads, N, dim], k as [heads, dim, N]
  const split = (value: Value, permutation: readonly number[]) =>
    context.transpose(context.reshapeTo(context.get(value, 'rows'), [-1, heads, width / heads]), permutation);
  const scaled = context.onnx.node('Mul', [split(q, [1, 0, 2]), context.onnx.scalar(scale)]);
  let scores = context.onnx.node('MatMul', [scaled, split(k, [1, 2, 0])]); // [heads, Nq, Nk]
  if (bias) scores = context.onnx.node('Add', [scores, context.get(bias)]);
  const mixed = context.onnx.node('MatMul', [
    context.onnx.node('Softmax', [scores], { attributes: [int('axis', -1)] }),
    split(v, [1, 0, 2]),
  ]);
  return context.reshapeTo(context.transpose(mixed, [1, 0, 2]), [-1, width]);
}

/** Rotates pairs (2i, 2i + 1) of every head by each token's own angles: the caches are the tables, the position is the row. */
export function lowerRope(context: LoweringContext, node: NodeOf<'rope'>): void {
  const [x, cos, sin] = node.inputs as readonly [Value, Value, Value];
  const inputs = [context.get(x, 'sequence'), context.onnx.int64s([0]), context.get(cos, 'rows'), context.get(sin, 'rows')];
  const attributes = [int('interleaved', 1), int('num_heads', node.attributes.heads)];
  context.set(node.output, 'sequence', context.onnx.node('RotaryEmbedding', inputs, { domain: CONTRIB, attributes }));
}
