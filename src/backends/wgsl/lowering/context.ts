import { evaluateShape, type Bindings } from '../../../graph/dims';
import type { Graph, Node, Value, WeightRef } from '../../../graph/types';
import { OFFSET_ALIGNMENT, type Kernel, type Operand, type WeightForm, type WeightOperand } from '../kernel';
import { choose, type Configuration, type KernelChoices, type KernelTuning } from '../tuning/choice';
import type { DeviceTraits } from '../tuning/traits';
import type { WeightPiece } from '../weight-pieces';

/** What the lowering of one op needs to know: sizes, where values live, and on what kind of device it will run. */
export interface LoweringContext {
  shape(value: Value): readonly number[];
  operand(value: Value): Operand;
  /** Elements from one row of a value to the next, in what `operand` binds: rows are the last axis. More than the axis where they lie in longer rows. */
  rowStride(value: Value): number;
  /** Whether a value needs no kernel, being a part of another's memory. */
  isAlias(value: Value): boolean;
  readonly traits: DeviceTraits;
  /** The most bytes that can be bound. */
  readonly bindingBytes: number;
  /** The configuration that a class of kernels runs in. */
  choose<C extends Configuration>(key: string, configurations: readonly C[]): { readonly configuration: C; readonly tuning: KernelTuning };
  /** Inputs that have been quantized, by the value they come from: several linears may read one. */
  readonly quantized: Map<Value, Value>;
}

/** What kernels are chosen for, and which were chosen. */
export interface LoweringTarget {
  readonly traits: DeviceTraits;
  readonly choices: KernelChoices;
  /** The most bytes that can be bound; what is larger is divided. Default: any. */
  readonly bindingBytes?: number;
}

export type Lower<N> = (node: N, context: LoweringContext) => readonly Kernel[];

/** A stretch of another value's memory; or a stretch of every row of it, `rowStride` elements apart. */
interface Alias {
  readonly root: Value;
  readonly offset: number;
  readonly rowStride?: number;
}

/**
 * Values that are other names for the same memory (reshapes, slices of whole rows; of `strided` values, parts of every row), and weights used
 * as values.
 */
export function createContext(graph: Graph, bindings: Bindings, target: LoweringTarget, strided: ReadonlySet<Value>): LoweringContext {
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  const shape = (value: Value) => evaluateShape(value.shape, bindings);
  const aliases = new Map<Value, Alias>();
  const weights = new Map<Value, WeightRef>();
  for (const node of graph.nodes) {
    const input = node.inputs[0];
    const place = input && !outputs.has(node.output) ? placeWithin(node, shape(input), strided.has(node.output)) : undefined;
    if (input && place) {
      const { root, offset } = aliases.get(input) ?? { root: input, offset: 0 };
      // A weight's slices are rare, and kernels read weights whole.
      if ((offset + place.start) % OFFSET_ALIGNMENT === 0 && (place.start === 0 || !weights.has(root)))
        aliases.set(node.output, { root, offset: offset + place.start, ...(place.rowStride ? { rowStride: place.rowStride } : {}) });
    }
    if (node.op === 'weight') weights.set(node.output, node.weights['weight']!);
  }
  return {
    traits: target.traits,
    bindingBytes: target.bindingBytes ?? Infinity,
    choose: (key, configurations) => choose(key, configurations, target.choices),
    quantized: new Map(),
    shape,
    isAlias: (value) => aliases.has(value),
    operand: (value) => {
      const alias = aliases.get(value);
      const weight = weights.get(alias?.root ?? value);
      if (weight) return weightOperand(weight);
      if (!alias) return { value };
      const width = shape(value).at(-1)!;
      const count = product(shape(value));
      const words = alias.rowStride ? (count / width - 1) * alias.rowStride + width : count;
      return { value: alias.root, offset: alias.offset, sizeBytes: Math.ceil(words / 4) * 16 };
    },
    rowStride: (value) => aliases.get(value)?.rowStride ?? shape(value).at(-1)!,
  };
}

/**
 * Where in its input's memory a node's result begins, in bytes, if it lies there in one piece (the parts of one modulation, a reshape) or, where
 * its readers take that (`strided`), one row in every so many elements (the parts of a modulation for each frame).
 */
function placeWithin(node: Node, shape: readonly number[], strided: boolean): { start: number; rowStride?: number } | undefined {
  if (node.op === 'reshape') return { start: 0 };
  if (node.op !== 'slice') return undefined;
  const { axis, start, end } = node.attributes;
  const first = start < 0 ? shape[axis]! + start : start;
  const inner = product(shape.slice(axis + 1));
  const place = { start: 4 * first * inner };
  if (product(shape.slice(0, axis)) === 1) return place;
  const isRow = axis === shape.length - 2 && end === start + 1;
  return strided && isRow ? { ...place, rowStride: shape[axis]! * inner } : undefined;
}

/** A weight as a kernel reads it. */
export function weightOperand(
  weight: WeightRef,
  form: WeightForm = 'plain',
  part: 'data' | 'scales' = 'data',
  piece?: WeightPiece,
): WeightOperand {
  return { weight, form, part, ...(piece ? { piece } : {}) };
}

export function product(sizes: readonly number[]): number {
  return sizes.reduce((result, size) => result * size, 1);
}

/** Bindings of the values that are there. */
export function operands(values: Readonly<Record<number, Value | undefined>>, context: LoweringContext): Record<number, Operand> {
  const result: Record<number, Operand> = {};
  for (const [binding, value] of Object.entries(values)) if (value) result[Number(binding)] = context.operand(value);
  return result;
}
