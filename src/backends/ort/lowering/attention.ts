import type { Value } from '../../../graph/types';
import { CONTRIB, float, int } from '../onnx/builder';
import type { LoweringContext, NodeOf } from './context';

/** softmax(scale · q·kᵀ + bias) · v per head, over rows [N, heads · dim]. */
export function lowerAttention(context: LoweringContext, node: NodeOf<'attention'>): void {
  const rows = context.choices.attention === 'fused' ? fusedAttention(context, node) : plainAttention(context, node);
  context.set(node.output, 'rows', rows);
}

/** One sequence as a batch of one: [N, D] → [1, N, D]. */
function batched(context: LoweringContext, value: Value): string {
  const width = value.shape.at(-1) as number;
  if (value.shape.length === 3 && value.shape[0] === 1 && context.has(value, 'natural')) return context.get(value);
  const form = context.formOf(value, 'rows', 'natural');
  return context.reshapeTo(context.get(value, form), [1, -1, width]);
}

function fusedAttention(context: LoweringContext, node: NodeOf<'attention'>): string {
  const [q, k, v, bias] = node.inputs as readonly [Value, Value, Value, Value?];
  const inputs = [q, k, v].map((value) => batched(context, value));
  if (bias) inputs.push('', '', context.onnx.node('Unsqueeze', [context.get(bias), context.onnx.int64s([0])]));
  const { heads, scale } = node.attributes;
  const mixed = context.onnx.node('MultiHeadAttention', inputs, { domain: CONTRIB, attributes: [int('num_heads', heads), float('scale', scale)] });
  return context.reshapeTo(mixed, [-1, q.shape.at(-1) as number]);
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
  const mixed = context.onnx.node('MatMul', [context.onnx.node('Softmax', [scores], { attributes: [int('axis', -1)] }), split(v, [1, 0, 2])]);
  return context.reshapeTo(context.transpose(mixed, [1, 0, 2]), [-1, width]);
}

/** Rotates pairs (2i, 2i + 1) of every head by each token's own angles: the caches are the tables, the position is the row. */
export function lowerRope(context: LoweringContext, node: NodeOf<'rope'>): void {
  const [x, cos, sin] = node.inputs as readonly [Value, Value, Value];
  const inputs = [batched(context, x), context.onnx.int64s([0]), context.get(cos, 'rows'), context.get(sin, 'rows')];
  const attributes = [int('interleaved', 1), int('num_heads', node.attributes.heads)];
  const rotated = context.onnx.node('RotaryEmbedding', inputs, { domain: CONTRIB, attributes });
  context.set(node.output, 'rows', context.reshapeTo(rotated, [-1, x.shape.at(-1) as number]));
}
