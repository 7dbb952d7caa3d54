import { overLimit } from '../errors';
import type { Range } from '../ranges';
import { windowBytes } from '../window';

/** One axis of a view: its size, the stride on the reading side (after dividing the coordinate) and on the writing side, in elements. */
export interface Axis {
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly divide?: number;
}

type Side = 'from' | 'to';
const SIDES: readonly Side[] = ['from', 'to'];

/** A part of a view: how much of every axis, and the elements between its first and its last on either side. */
export interface Box {
  readonly sizes: readonly number[];
  readonly from: Range;
  readonly to: Range;
}

/**
 * A view cut into boxes whose elements lie within so many bytes on both sides: halved along the axis that spreads them most, until they do. A
 * permutation, whose outermost axis on one side is another on the other, becomes a grid of them.
 */
export function boxesWithin(axes: readonly Axis[], bindingBytes: number): readonly Box[] {
  const halve = (starts: readonly number[], sizes: readonly number[]): readonly Box[] => {
    const box: Box = { sizes, from: rangeOf('from', axes, starts, sizes), to: rangeOf('to', axes, starts, sizes) };
    const side = SIDES.find((one) => windowBytes(box[one].count) > bindingBytes);
    if (!side) return [box];
    const spreads = axes.map((axis, index) => spreadOf(side, axis, sizes[index]!));
    const widest = spreads.indexOf(Math.max(...spreads));
    const { divide = 1 } = axes[widest]!;
    const size = sizes[widest]!;
    const first = Math.ceil(size / 2 / divide) * divide; // elements that are read for several stay together
    if (first >= size) throw overLimit('An element that is moved', windowBytes(box[side].count), bindingBytes);
    return [
      ...halve(starts, sizes.with(widest, first)),
      ...halve(starts.with(widest, starts[widest]! + first), sizes.with(widest, size - first)),
    ];
  };
  return halve(
    axes.map(() => 0),
    axes.map(({ size }) => size),
  );
}

/** By how many elements the last along an axis lies behind the first. */
function spreadOf(side: Side, axis: Axis, size: number): number {
  return (side === 'from' ? Math.floor((size - 1) / (axis.divide ?? 1)) : size - 1) * axis[side];
}

function rangeOf(side: Side, axes: readonly Axis[], starts: readonly number[], sizes: readonly number[]): Range {
  let first = 0;
  let count = 1;
  axes.forEach((axis, index) => {
    first += (side === 'from' ? starts[index]! / (axis.divide ?? 1) : starts[index]!) * axis[side];
    count += spreadOf(side, axis, sizes[index]!);
  });
  return { first, count };
}
