import { evaluateShape, type Bindings } from '../../../graph/dims';
import type { Graph, Node, Value, WeightRef } from '../../../graph/types';
import type { Kernel, Operand, WeightForm } from '../kernel';
import { choose, type Configuration, type KernelChoices, type KernelTuning } from '../tuning/choice';
import type { DeviceTraits } from '../tuning/traits';

/** What the lowering of one op needs to know: sizes, where values live, and on what kind of device it will run. */
export interface LoweringContext {
  shape(value: Value): readonly number[];
  operand(value: Value): Operand;
  readonly traits: DeviceTraits;
  /** The configuration that a class of kernels runs in. */
  choose<C extends Configuration>(key: string, configurations: readonly C[]): { readonly configuration: C; readonly tuning: KernelTuning };
  /** Inputs that have been quantized, by the value they come from: several linears may read one. */
  readonly quantized: Map<Value, Value>;
}

/** What kernels are chosen for, and which were chosen. */
export interface LoweringTarget {
  readonly traits: DeviceTraits;
  readonly choices: KernelChoices;
}

export type Lower<N> = (node: N, context: LoweringContext) => readonly Kernel[];

/** Values that are other names for the same memory (reshapes), and weights used as values. */
export function createContext(graph: Graph, bindings: Bindings, target: LoweringTarget): LoweringContext {
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  const aliases = new Map<Value, Value>();
  const weights = new Map<Value, WeightRef>();
  for (const node of graph.nodes) {
    if (isAlias(node, outputs)) aliases.set(node.output, aliases.get(node.inputs[0]!) ?? node.inputs[0]!);
    if (node.op === 'weight') weights.set(node.output, node.weights['weight']!);
  }
  return {
    traits: target.traits,
    choose: (key, configurations) => choose(key, configurations, target.choices),
    quantized: new Map(),
    shape: (value) => evaluateShape(value.shape, bindings),
    operand: (value) => {
      const root = aliases.get(value) ?? value;
      const weight = weights.get(root);
      return weight ? { weight, form: 'plain', part: 'data' } : { value: root };
    },
  };
}

/** A reshape needs no kernel, unless its result is handed out and so needs memory of its own. */
export function isAlias(node: Node, outputs: ReadonlySet<Value>): boolean {
  return node.op === 'reshape' && !outputs.has(node.output);
}

/** A weight as a kernel reads it. */
export function weightOperand(weight: WeightRef, form: WeightForm = 'plain', part: 'data' | 'scales' = 'data'): Operand {
  return { weight, form, part };
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
