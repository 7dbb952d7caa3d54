import { invalidGraph } from '../../../graph/errors';
import type { Node } from '../../../graph/types';
import type { Kernel } from '../kernel';
import type { Defines } from '../preprocess';
import type { ShaderName } from '../shaders';
import { operands, product, type LoweringContext } from './context';

interface Variant {
  readonly shader: ShaderName;
  readonly defines: Defines;
  /** Query rows of a group. */
  readonly rows: number;
}

/** On a CPU: up to 32 vec4s of queries a thread, one SIMD vector of threads a group; more take seconds to compile. Measured in docs/wgsl-notes.md. */
function directVariant(vectors: number): Variant {
  const threads = 4;
  const queries = vectors <= 16 ? 2 : 1;
  return { shader: 'attention', defines: { VECTORS: vectors, THREADS: threads, QUERIES: queries }, rows: threads * queries };
}

/** Rows of up to 16 vec4s a thread; 2 · 8 · 256 · 4 bytes of keys and values at most: within the 16 KiB that every adapter has. */
function tiledVariant(vectors: number): Variant {
  const split = vectors <= 16 ? 1 : vectors % 4 === 0 && vectors > 32 ? 4 : vectors % 2 === 0 ? 2 : 1;
  const keys = vectors * split <= 16 ? 16 : 8;
  const rows = 64 / split;
  return {
    shader: 'attention-tiled',
    defines: { VECTORS: vectors / split, SPLIT: split, EXCHANGE: split > 1, ROWS: rows, KEYS: keys },
    rows,
  };
}

export function lowerAttention(node: Extract<Node, { op: 'attention' }>, context: LoweringContext): readonly Kernel[] {
  const [q, k, v, bias] = node.inputs;
  const { heads, scale } = node.attributes;
  const shape = context.shape(q!);
  const dim = shape.at(-1)! / heads;
  if (dim % 4 !== 0 || dim > 256)
    throw invalidGraph(`Attention heads of ${dim} channels have no kernel: multiples of 4 up to 256 have.`, 'Choose another backend.');
  const queries = product(shape.slice(0, -1));
  const keys = product(context.shape(k!).slice(0, -1));
  const { shader, defines, rows } = context.software ? directVariant(dim / 4) : tiledVariant(dim / 4);
  return [
    {
      shader,
      defines: { ...defines, BIAS: bias !== undefined },
      reads: operands({ 1: q, 2: k, 3: v, 4: bias }, context),
      output: { binding: 5, value: node.output },
      params: [queries, keys, heads, { f32: scale }, 0],
      groups: [Math.ceil(queries / rows), heads, 1],
      work: 2 * queries * keys * heads * dim,
      cut: { axis: 0, param: 4 },
    },
  ];
}
