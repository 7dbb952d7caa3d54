import type { Value } from '../../../graph/types';
import type { LoweringContext, NodeOf } from './context';

/** A weight as a value. */
export function lowerWeight(context: LoweringContext, node: NodeOf<'weight'>): void {
  context.set(node.output, 'natural', context.weight(node.weights.weight!));
}

/** Rows of a table by id. */
export function lowerEmbedding(context: LoweringContext, node: NodeOf<'embedding'>): void {
  const [ids] = node.inputs as readonly [Value];
  const table = node.weights.table!;
  context.set(node.output, 'natural', context.onnx.node('Gather', [context.weight(table), context.get(ids)]));
}
