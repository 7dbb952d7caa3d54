import { equalDims, formatShape } from '../dims';
import { invalidGraph } from '../errors';
import type { HostTensor } from '../host-tensor';
import type { Dim, ElementType, OpAttributes, OpName, Shape } from '../types';

/** Shape and element type: all that shape inference looks at. */
export interface TypedShape {
  readonly shape: Shape;
  readonly type: ElementType;
}

interface InferenceCall<Op extends OpName> {
  readonly inputs: readonly TypedShape[];
  /** Shapes of the weights, by the op's own names for them. */
  readonly weights: Readonly<Record<string, readonly number[]>>;
  readonly attributes: OpAttributes[Op];
}

interface EvaluationCall<Op extends OpName> {
  readonly inputs: readonly HostTensor[];
  readonly weights: Readonly<Record<string, HostTensor>>;
  readonly attributes: OpAttributes[Op];
  /** The output's shape, every symbol resolved. */
  readonly shape: readonly number[];
}

/** One op: what it makes of its inputs' shapes, and what it computes. */
export interface OpDefinition<Op extends OpName> {
  /** Throws `invalid-graph`, naming what does not fit. */
  infer(call: InferenceCall<Op>): TypedShape;
  /** The reference result, row-major in `call.shape`. Sums are taken in f64 and rounded once. */
  evaluate(call: EvaluationCall<Op>): Float32Array | Int32Array;
}

/** The inputs of a call when there are between `least` and `most` of them. */
export function expectInputs(op: OpName, inputs: readonly TypedShape[], least: number, most = least): void {
  if (inputs.length < least || inputs.length > most)
    throw invalidGraph(`${op} takes ${least === most ? least : `${least} to ${most}`} inputs, not ${inputs.length}.`);
}

/** One input, checked for its element type and, where given, its rank. */
export function expectInput(
  op: OpName,
  inputs: readonly TypedShape[],
  index: number,
  type: ElementType = 'f32',
  rank?: number,
): TypedShape {
  const input = inputs[index];
  if (!input) throw invalidGraph(`${op} is missing its input ${index + 1}.`);
  if (input.type !== type) throw invalidGraph(`${op} takes ${type} as its input ${index + 1}, not ${input.type}.`);
  if (rank !== undefined && input.shape.length !== rank)
    throw invalidGraph(`${op} takes an input of ${rank} dimensions, not ${formatShape(input.shape)}.`);
  return input;
}

/** The last dimension, which must be a number: features are never symbolic. */
export function lastDim(op: OpName, { shape }: TypedShape): number {
  const last = shape.at(-1);
  if (typeof last !== 'number') throw invalidGraph(`${op} needs a last dimension of known size, not ${formatShape(shape)}.`);
  return last;
}

/** A dimension that must be a number. */
export function fixedDim(op: OpName, { shape }: TypedShape, axis: number): number {
  const dim = shape[axis];
  if (typeof dim !== 'number') throw invalidGraph(`${op} needs a known size on axis ${axis}, not ${formatShape(shape)}.`);
  return dim;
}

/** A weight's shape, checked for its rank. */
export function expectWeight(
  op: OpName,
  weights: Readonly<Record<string, readonly number[]>>,
  name: string,
  rank?: number,
): readonly number[] {
  const shape = weights[name];
  if (!shape) throw invalidGraph(`${op} is missing its weight "${name}".`);
  if (rank !== undefined && shape.length !== rank)
    throw invalidGraph(`${op} takes a "${name}" of ${rank} dimensions, not ${formatShape(shape)}.`);
  return shape;
}

/** Checks a weight that must have exactly one shape, when it is there at all. */
export function expectWeightShape(
  op: OpName,
  weights: Readonly<Record<string, readonly number[]>>,
  name: string,
  shape: readonly number[],
): void {
  const actual = weights[name];
  if (actual && !sameShape(actual, shape))
    throw invalidGraph(`${op} takes a "${name}" of shape ${formatShape(shape)}, not ${formatShape(actual)}.`);
}

/** Throws unless two shapes are equal. */
export function expectSameShape(op: OpName, a: Shape, b: Shape): void {
  if (!sameShape(a, b)) throw invalidGraph(`${op} takes inputs of one shape, not ${formatShape(a)} and ${formatShape(b)}.`);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => equalDims(dim, b[axis] as Dim));
}

/** The f32 data of an input whose type `infer` has checked. */
export function floats(tensors: readonly HostTensor[], index: number): Float32Array {
  return tensors[index]!.data as Float32Array;
}

/** The f32 data of a weight, or undefined where an optional one is absent. */
export function weightData(weights: Readonly<Record<string, HostTensor>>, name: string): Float32Array | undefined {
  return weights[name]?.data as Float32Array | undefined;
}

/** The number of elements of a shape of numbers. */
export function count(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
