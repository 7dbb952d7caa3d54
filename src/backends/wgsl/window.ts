import { OFFSET_ALIGNMENT, type Operand } from './kernel';

/** A stretch of a value as it can be bound. */
export interface Window<O extends Operand = Operand> {
  readonly operand: O;
  /** The element of the value that the binding begins with: at or before the first that was asked for. */
  readonly start: number;
}

/** Binds elements from `first` to before `end` of a value, begun at an aligned offset. Weights used as values are bound whole, as they lie. */
export function windowFor<O extends Operand>(operand: O, first: number, end: number): Window<O> {
  if (!('value' in operand)) return { operand, start: 0 };
  const from = 4 * first - ((4 * first) % OFFSET_ALIGNMENT);
  return {
    operand: { ...operand, offset: (operand.offset ?? 0) + from, sizeBytes: Math.ceil((4 * end - from) / 16) * 16 },
    start: from / 4,
  };
}

/** The most bytes that `windowFor` binds for so many elements, wherever they begin. */
export function windowBytes(elements: number): number {
  return Math.ceil((4 * elements + OFFSET_ALIGNMENT - 4) / 16) * 16;
}
