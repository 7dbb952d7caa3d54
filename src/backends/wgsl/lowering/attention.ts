import { invalidGraph } from '../../../graph/errors';
import type { Node } from '../../../graph/types';
import type { Kernel } from '../kernel';
import type { Defines } from '../preprocess';
import type { ShaderName } from '../shaders';
import { attentionConfigurations, type AttentionConfiguration } from '../tuning/attention';
import { divideAttention, type AttentionPart } from './attention-parts';
import { operands, product, type LoweringContext } from './context';

/** The shader and constants of a configuration, for heads of `vectors` vec4s. */
function specialise(vectors: number, configuration: AttentionConfiguration): { shader: ShaderName; defines: Defines; rows: number } {
  if (configuration.kind === 'direct') {
    const { threads, queries } = configuration;
    return { shader: 'attention', defines: { VECTORS: vectors, THREADS: threads, QUERIES: queries }, rows: threads * queries };
  }
  const { arithmetic, split, subgroups, rows, keys, step } = configuration;
  return {
    shader: 'attention-tiled',
    defines: {
      VECTORS: vectors / split,
      SPLIT: split,
      SPLIT_4: split >= 4,
      SPLIT_8: split >= 8,
      SUBGROUPS: subgroups,
      EXCHANGE: split > 1 && !subgroups,
      ROWS: rows,
      KEYS: keys,
      STEP: step,
      HALF: arithmetic === 'f16',
      ELEMENT: arithmetic,
    },
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
  // Prompts and clips differ in how many keys there are to walk over.
  const { configuration, tuning } = context.choose(
    `attention.${dim}.${keys <= 512 ? 'short' : 'long'}`,
    attentionConfigurations(context.traits, dim),
  );
  const { shader, defines, rows } = specialise(dim / 4, configuration);
  const of = ({ count, keyCount, headCount, firstHead, biasStart }: AttentionPart) => ({
    params: [count, keyCount, heads, { f32: scale }, 0, ...(bias ? [firstHead, biasStart, queries, keys] : [])],
    groups: [Math.ceil(count / rows), headCount, 1] as const,
    work: 2 * count * keyCount * headCount * dim,
  });
  const part = (_: number, count: number) => of({ count, keyCount: keys, headCount: heads, firstHead: 0, biasStart: 0 });
  const whole: Kernel = {
    shader,
    defines: { ...defines, BIAS: bias !== undefined, CARRY: false, RESUME: false, SUSPEND: false },
    reads: operands({ 1: q, 2: k, 3: v, 4: bias }, context),
    output: { binding: 5, value: node.output },
    ...part(0, queries),
    cut: { axis: 0, param: 4 },
    // A bias is [heads, queries, keys]: its rows are not the queries'.
    ...(bias ? {} : { split: { rows: queries, rowBytes: { 1: 4 * heads * dim, 5: 4 * heads * dim }, part } }),
    tuning,
  };
  const tile = configuration.kind === 'tiled' ? configuration.keys : 1;
  const sizes = { queries, keys, heads, rowBytes: 4 * heads * dim, tile };
  return [{ ...whole, divide: (bindingBytes) => divideAttention(whole, sizes, of, bindingBytes) }];
}
