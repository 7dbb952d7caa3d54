import type { WeightRef } from '../../graph/types';
import { overLimit } from './errors';
import type { WeightForm } from './kernel';
import { packedBytes } from './pack-weights';
import { windowBytes } from './window';

/** Rows of a matrix [N, K] that share a buffer. */
export interface WeightPiece {
  readonly index: number;
  readonly first: number;
  readonly rows: number;
  /** Bytes of its data and, where there are any, of its scales. */
  readonly bytes: readonly number[];
}

/**
 * A weight in pieces that can be bound: matrices by output rows, about equal; every other form in one, of which windows are bound. Throws
 * `out-of-memory` where not even a row of a matrix can be, or a convolution's kernel row of one input channel.
 */
export function weightPieces(ref: WeightRef, form: WeightForm, bindingBytes: number): readonly WeightPiece[] {
  const bytes = packedBytes(ref, form);
  const largest = Math.max(...bytes);
  const rows = ref.shape[0] ?? 1;
  if (largest <= bindingBytes || form === 'plain') return [{ index: 0, first: 0, rows, bytes }];
  if (form !== 'matrix') {
    const [, channels, kernel] = ref.shape as readonly [number, number, number];
    const least = windowBytes(largest / channels / kernel / 4);
    if (least > bindingBytes) throw overLimit(`A row of ${ref.name}`, least, bindingBytes);
    return [{ index: 0, first: 0, rows, bytes }];
  }
  const most = Math.floor(bindingBytes / (largest / rows));
  if (most === 0) throw overLimit(`A row of ${ref.name}`, largest / rows, bindingBytes);
  const count = Math.ceil(rows / most);
  const each = Math.ceil(rows / count);
  return Array.from({ length: Math.ceil(rows / each) }, (_, index) => {
    const first = index * each;
    const own = Math.min(each, rows - first);
    return { index, first, rows: own, bytes: bytes.map((all) => (all / rows) * own) };
  });
}

/** Throws `out-of-memory` for a weight that its kernel reads whole and that is over the limit. */
export function checkWhole(ref: WeightRef, bindingBytes: number): void {
  const [bytes = 0] = packedBytes(ref, 'plain');
  if (bytes > bindingBytes) throw overLimit(ref.name, bytes, bindingBytes);
}
