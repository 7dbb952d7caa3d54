import { OFFSET_ALIGNMENT, type Operand } from './kernel';

/** A stretch of a value or weight as it can be bound. */
export interface Window<O extends Operand = Operand> {
  readonly operand: O;
  /** The element of four bytes that the binding begins with: at or before the first that was asked for. */
  readonly start: number;
}

/** Binds elements of four bytes from `first` to before `end`, begun at an aligned offset. */
export function windowFor<O extends Operand>(operand: O, first: number, end: number): Window<O> {
  const { offset, size } = stretchFor(first, end);
  return { operand: { ...operand, offset: (operand.offset ?? 0) + offset, sizeBytes: size }, start: offset / 4 };
}

/** Where the binding of elements from `first` to before `end` begins, aligned, and how long it is, in bytes. */
export function stretchFor(first: number, end: number): { readonly offset: number; readonly size: number } {
  const offset = 4 * first - ((4 * first) % OFFSET_ALIGNMENT);
  return { offset, size: Math.ceil((4 * end - offset) / 16) * 16 };
}

/** The most bytes that `windowFor` binds for so many elements, wherever they begin. */
export function windowBytes(elements: number): number {
  return Math.ceil((4 * elements + OFFSET_ALIGNMENT - 4) / 16) * 16;
}
