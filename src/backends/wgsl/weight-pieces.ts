import type { WeightRef } from '../../graph/types';
import { overLimit } from './errors';
import type { WeightForm } from './kernel';
import { packedBytes } from './pack-weights';

/** Rows of a matrix [N, K] that share a buffer. */
export interface WeightPiece {
  readonly index: number;
  readonly first: number;
  readonly rows: number;
  /** Bytes of its data and, where there are any, of its scales. */
  readonly bytes: readonly number[];
}

/**
 * A weight in pieces that can be bound: matrices by output rows, about equal; every other form in one. Throws `out-of-memory` for what cannot
 * be divided so far.
 */
export function weightPieces(ref: WeightRef, form: WeightForm, bindingBytes: number): readonly WeightPiece[] {
  const bytes = packedBytes(ref, form);
  const largest = Math.max(...bytes);
  const rows = ref.shape[0] ?? 1;
  if (largest <= bindingBytes) return [{ index: 0, first: 0, rows, bytes }];
  const most = form === 'matrix' ? Math.floor(bindingBytes / (largest / rows)) : 0;
  if (most === 0) throw overLimit(ref.name, largest, bindingBytes);
  const count = Math.ceil(rows / most);
  const each = Math.ceil(rows / count);
  return Array.from({ length: Math.ceil(rows / each) }, (_, index) => {
    const first = index * each;
    const own = Math.min(each, rows - first);
    return { index, first, rows: own, bytes: bytes.map((all) => (all / rows) * own) };
  });
}
