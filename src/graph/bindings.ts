import { evaluateDim, formatShape, parseDim, type Bindings } from './dims';
import { invalidGraph } from './errors';
import type { Dim, ElementType, Graph } from './types';

/** What is known of a tensor that is about to go into a graph. */
export interface InputShape {
  readonly shape: readonly number[];
  readonly type: ElementType;
}

/**
 * Finds the value of every symbol in a graph's input shapes from the actual inputs, and checks that all
 * inputs agree with it. A symbol is solved where it stands alone with its coefficient (`2*h`); products
 * (`h*w`) are then checked. Throws `invalid-graph` when an input is missing, of another type or shape, or
 * when a symbol cannot be told.
 */
export function bindInputs(graph: Graph, inputs: Readonly<Record<string, InputShape>>): Bindings {
  const bindings: Record<string, number> = {};
  const pending: { dim: Dim; actual: number; fail: () => Error }[] = [];
  for (const { name, value } of graph.inputs) {
    const input = inputs[name];
    if (!input) throw invalidGraph(`${graph.name}: the input ${name} is missing.`);
    const fail = () =>
      invalidGraph(
        `${graph.name}: the input ${name} is ${input.type} ${formatShape(input.shape)} where ${value.type} ${formatShape(value.shape)} is expected` +
          `${describe(bindings)}.`,
      );
    if (input.type !== value.type || input.shape.length !== value.shape.length) throw fail();
    value.shape.forEach((dim, axis) => pending.push({ dim, actual: input.shape[axis]!, fail }));
  }
  for (const { dim, actual, fail } of pending) {
    const { coefficient, symbols } = parseDim(dim);
    const [symbol] = symbols;
    if (symbols.length !== 1 || symbol === undefined || symbol in bindings) continue;
    if (actual % coefficient !== 0) throw fail();
    bindings[symbol] = actual / coefficient;
  }
  for (const { dim, actual, fail } of pending) if (evaluateDim(dim, bindings) !== actual) throw fail();
  return bindings;
}

function describe(bindings: Bindings): string {
  const known = Object.entries(bindings).map(([symbol, value]) => `${symbol} = ${value}`);
  return known.length === 0 ? '' : ` (${known.join(', ')})`;
}
