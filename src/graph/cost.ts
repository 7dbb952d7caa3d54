import { bindInputs, type InputShape } from './bindings';
import { elementCount, evaluateShape } from './dims';
import type { Graph } from './types';

/** Multiply-adds that a graph takes for inputs of these shapes: linears, convolutions and attention; the rest is small beside them. */
export function multiplyAdds(graph: Graph, inputs: Readonly<Record<string, InputShape>>): number {
  const bindings = bindInputs(graph, inputs);
  let total = 0;
  for (const node of graph.nodes) {
    const output = elementCount(evaluateShape(node.output.shape, bindings));
    if (node.op === 'linear' || node.op === 'conv2d') total += output * elementCount(node.weights.weight!.shape.slice(1));
    if (node.op === 'attention') total += 2 * output * elementCount(evaluateShape(node.inputs[1]!.shape.slice(0, -1), bindings));
  }
  return total;
}
