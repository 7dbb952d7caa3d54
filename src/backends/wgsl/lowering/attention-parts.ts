import type { Value } from '../../../graph/types';
import { overLimit } from '../errors';
import type { Kernel, Operand } from '../kernel';
import { alignedRows } from '../split-kernel';
import { largestFitting, rangesOf, type Range } from '../ranges';
import { windowBytes, windowFor } from '../window';

export interface AttentionSizes {
  readonly queries: number;
  readonly keys: number;
  readonly heads: number;
  /** Of q, k, v and the output alike: all heads of a token. */
  readonly rowBytes: number;
  /** Keys that a kernel takes at a time: parts of whole tiles take the same steps as the whole. */
  readonly tile: number;
}

/** What a dispatch does of it all. */
export interface AttentionPart {
  readonly count: number;
  readonly keyCount: number;
  readonly headCount: number;
  readonly firstHead: number;
  /** The element of what is bound of the bias that belongs to its first head, query and key. */
  readonly biasStart: number;
}

/**
 * Attention whose operands are over the binding limit, as dispatches on parts: of the heads where the bias is too large, of the queries where a head's
 * bias, the queries or the output are, of the keys where keys and values or a query's bias are. Heads lie side by side in every row of keys and values, so heads make those
 * no smaller. Parts of the keys hand the running maximum, sum and output on in memory, so results are bit for bit those of the whole.
 */
export function divideAttention(
  whole: Kernel,
  { queries, keys, heads, rowBytes, tile }: AttentionSizes,
  of: (part: AttentionPart) => Pick<Kernel, 'params' | 'groups' | 'work'>,
  bindingBytes: number,
): readonly Kernel[] {
  const { 1: q, 2: k, 3: v, 4: bias } = whole.reads;
  const isBiasOver = bias !== undefined && 4 * heads * queries * keys > bindingBytes;
  const headsEach = isBiasOver
    ? Math.max(
        1,
        largestFitting(heads, (count) => windowBytes(count * queries * keys) <= bindingBytes),
      )
    : heads;
  const biasPerQuery = isBiasOver && windowBytes(queries * keys) > bindingBytes ? keys : 0;
  const aligned = alignedRows(rowBytes);
  const rowsEach = Math.floor(bindingBytes / rowBytes);
  const biasRowsEach = biasPerQuery > 0 ? largestFitting(queries, (count) => windowBytes(count * biasPerQuery) <= bindingBytes) : queries;
  // Where even the fewest queries have too much bias, as much of their keys as has not.
  const fewest = Math.min(aligned, queries);
  const isRowOver = biasRowsEach < fewest;
  const queriesEach = inSteps(Math.min(rowsEach, isRowOver ? fewest : biasRowsEach), queries, aligned);
  const biasKeysEach = isRowOver ? largestFitting(keys, (count) => windowBytes((queriesEach - 1) * keys + count) <= bindingBytes) : keys;
  const keyStep = Math.max(aligned, tile);
  const keysEach = inSteps(Math.min(rowsEach, biasKeysEach), keys, keyStep);
  if (queriesEach === 0) throw overLimit('A part of an attention’s queries', aligned * rowBytes, bindingBytes);
  if (keysEach === 0)
    throw overLimit(
      'A part of an attention’s keys',
      Math.max(keyStep * rowBytes, isRowOver ? windowBytes((queriesEach - 1) * keys + keyStep) : 0),
      bindingBytes,
    );
  const carries = keysEach < keys;
  const state: Value = { id: -500_000 - whole.output.value.id, shape: [2 * headsEach * queriesEach], type: 'f32' };
  const parts: Kernel[] = [];
  for (const head of rangesOf(heads, headsEach))
    for (const query of rangesOf(queries, queriesEach))
      for (const key of rangesOf(keys, keysEach)) {
        const rowsOf = <O extends Operand>(operand: O, { first, count }: Range) =>
          windowFor(operand, (first * rowBytes) / 4, ((first + count) * rowBytes) / 4).operand;
        const row = head.first * queries + query.first;
        const lastRow = (head.first + head.count - 1) * queries + query.first + query.count - 1;
        const scores = bias && windowFor(bias, row * keys + key.first, lastRow * keys + key.first + key.count);
        const reads: Record<number, Operand> = { 1: rowsOf(q!, query), 2: rowsOf(k!, key), 3: rowsOf(v!, key) };
        if (scores) reads[4] = scores.operand;
        parts.push({
          ...whole,
          split: undefined,
          defines: { ...whole.defines, CARRY: carries, RESUME: key.first > 0, SUSPEND: key.first + key.count < keys },
          reads,
          output: rowsOf(whole.output, query),
          ...(carries ? { state: { binding: 6, value: state } } : {}),
          ...of({
            count: query.count,
            keyCount: key.count,
            headCount: head.count,
            firstHead: head.first,
            biasStart: scores ? row * keys + key.first - scores.start : 0,
          }),
        });
      }
  return parts;
}

/** All, or as many whole steps as there are. */
function inSteps(count: number, all: number, step: number): number {
  return count >= all ? all : Math.floor(count / step) * step;
}
