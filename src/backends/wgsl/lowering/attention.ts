import { invalidGraph } from '../../../graph/errors';
import type { Node } from '../../../graph/types';
import type { Kernel } from '../kernel';
import { operands, product, type LoweringContext } from './context';

const ROWS = 64;
/** Workgroup memory that every adapter has (WebGPU's default limit). */
const WORKGROUP_BYTES = 16_384;

export function lowerAttention(node: Extract<Node, { op: 'attention' }>, context: LoweringContext): readonly Kernel[] {
  const [q, k, v, bias] = node.inputs;
  const { heads, scale } = node.attributes;
  const shape = context.shape(q!);
  const dim = shape.at(-1)! / heads;
  if (dim % 4 !== 0 || dim > 256)
    throw invalidGraph(`Attention heads of ${dim} channels have no kernel: multiples of 4 up to 256 have.`, 'Choose another backend.');
  const queries = product(shape.slice(0, -1));
  const keys = product(context.shape(k!).slice(0, -1));
  return [
    {
      shader: 'attention',
      defines: { ROWS, KEYS: Math.min(32, WORKGROUP_BYTES / (2 * dim * 4)) | 0, VECTORS: dim / 4, BIAS: bias !== undefined },
      reads: operands({ 1: q, 2: k, 3: v, 4: bias }, context),
      output: { binding: 5, value: node.output },
      params: [queries, keys, heads, { f32: scale }],
      groups: [Math.ceil(queries / ROWS), heads, 1],
    },
  ];
}
