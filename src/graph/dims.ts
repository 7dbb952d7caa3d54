import { invalidGraph } from './errors';
import type { Dim, Shape } from './types';

/**
 * Dimension algebra. A symbolic dimension is a canonical monomial: a positive integer coefficient (left
 * out when 1) and symbol names in alphabetical order, joined by `*`: `T`, `2*T`, `4*h*w`, `h*h`. Equal
 * dimensions are equal strings, so `===` compares them. There are no sums: no network here needs one.
 */
export interface Monomial {
  readonly coefficient: number;
  /** Sorted; a symbol is repeated for its power. */
  readonly symbols: readonly string[];
}

/** Values of symbols. */
export type Bindings = Readonly<Record<string, number>>;

const SYMBOL = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A dimension as a monomial. Throws `invalid-graph` on anything that is not one. */
export function parseDim(dim: Dim): Monomial {
  if (typeof dim === 'number') {
    if (!Number.isSafeInteger(dim) || dim < 0) throw invalidGraph(`The dimension ${dim} is not a whole number of elements.`);
    return { coefficient: dim, symbols: [] };
  }
  let coefficient = 1;
  const symbols: string[] = [];
  for (const part of dim.split('*')) {
    if (/^[0-9]+$/.test(part)) coefficient *= Number(part);
    else if (SYMBOL.test(part)) symbols.push(part);
    else throw invalidGraph(`"${dim}" is not a dimension: use a number or a product such as 2*T.`);
  }
  return { coefficient, symbols: symbols.sort() };
}

/** The canonical form of a monomial: a number where no symbol is left. */
function formatDim({ coefficient, symbols }: Monomial): Dim {
  if (symbols.length === 0 || coefficient === 0) return coefficient;
  return [...(coefficient === 1 ? [] : [coefficient]), ...symbols].join('*');
}

/** Any way of writing a dimension in its canonical form: `W*2*H` is `2*H*W`. */
export function canonicalDim(dim: Dim): Dim {
  return formatDim(parseDim(dim));
}

export function multiplyDims(...dims: readonly Dim[]): Dim {
  let coefficient = 1;
  const symbols: string[] = [];
  for (const dim of dims) {
    const factor = parseDim(dim);
    coefficient *= factor.coefficient;
    symbols.push(...factor.symbols);
  }
  return formatDim({ coefficient, symbols: symbols.sort() });
}

/** a / b where it is exact for every value of the symbols, else undefined. */
export function divideDims(a: Dim, b: Dim): Dim | undefined {
  const numerator = parseDim(a);
  const denominator = parseDim(b);
  if (denominator.coefficient === 0 || numerator.coefficient % denominator.coefficient !== 0) return undefined;
  const symbols = [...numerator.symbols];
  for (const symbol of denominator.symbols) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return undefined;
    symbols.splice(at, 1);
  }
  return formatDim({ coefficient: numerator.coefficient / denominator.coefficient, symbols });
}

export function equalDims(a: Dim, b: Dim): boolean {
  return a === b || canonicalDim(a) === canonicalDim(b);
}

export function equalShapes(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => equalDims(dim, b[axis]!));
}

/** The number of elements of a shape. */
export function elementCount(shape: readonly number[]): number;
export function elementCount(shape: Shape): Dim;
export function elementCount(shape: Shape): Dim {
  return multiplyDims(...shape);
}

/** A dimension's value. Throws `invalid-graph` when a symbol has none. */
export function evaluateDim(dim: Dim, bindings: Bindings): number {
  if (typeof dim === 'number') return dim;
  const { coefficient, symbols } = parseDim(dim);
  let value = coefficient;
  for (const symbol of symbols) {
    const bound = bindings[symbol];
    if (bound === undefined) throw invalidGraph(`The size of the dimension ${symbol} cannot be told from the inputs.`);
    value *= bound;
  }
  return value;
}

export function evaluateShape(shape: Shape, bindings: Bindings): number[] {
  return shape.map((dim) => evaluateDim(dim, bindings));
}

/** `[T, 2*h, 16]`, for messages. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}
