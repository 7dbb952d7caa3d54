import type { Value } from '../../graph/types';
import type { Kernel, Operand, Split } from './kernel';
import { rangesOf } from './ranges';
import { windowOf, windowStep } from './split-kernel';

/** Intermediates above twice this are made and used up a part of their rows at a time. */
const BLOCK_BYTES = 128 * 2 ** 20;
/** Values that are made on the way are used up with them from such a part of that on: the quantized activations. */
const WORTH = 8;

export interface BlockRowsOptions {
  readonly sizeBytes: (operand: Operand) => number;
  /** Inputs and outputs: these are wanted whole. */
  readonly external: ReadonlySet<Value>;
  readonly bindingBytes: number;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

/**
 * Has rows of a large intermediate used up before the next rows are made, where what makes it and what reads it follow each other and work row by row:
 * the feed-forward activations of a transformer, 5.8 times as wide as its tokens (1.2 GB in a Wan clip of 832 x 480 x 81), are then never
 * whole. The same dispatches on fewer rows, so the same bits.
 */
export function blockRows(kernels: readonly Kernel[], { sizeBytes, external, bindingBytes }: BlockRowsOptions): readonly Kernel[] {
  const tooLarge = 2 * Math.min(bindingBytes, BLOCK_BYTES);
  const lastRead = new Map<Value, number>();
  kernels.forEach(({ reads }, index) =>
    Object.values(reads).forEach((operand) => 'value' in operand && lastRead.set(operand.value, index)),
  );
  const isOver = (limit: number) => (value: Value) => !external.has(value) && sizeBytes({ value }) > limit;
  const isLarge = isOver(tooLarge);
  const fits = (operand: Operand) => sizeBytes(operand) <= bindingBytes;
  const result: Kernel[] = [];
  for (let index = 0; index < kernels.length; index++) {
    const range = isLarge(kernels[index]!.output.value) ? widestRange(kernels, index, lastRead, isOver(tooLarge / WORTH), fits) : null;
    const parts =
      range &&
      divide(
        kernels.slice(range.first, range.last + 1),
        valuesWithin(kernels, range, lastRead, external),
        sizeBytes,
        Math.min(bindingBytes, BLOCK_BYTES),
      );
    if (!parts) result.push(kernels[index]!);
    else {
      result.push(...parts);
      index = range!.last;
    }
  }
  return result;
}

/** From the kernel that makes a large value to its last reader, and on to the last reader of what else it is worth it for, as far as rows allow. */
function widestRange(
  kernels: readonly Kernel[],
  first: number,
  lastRead: ReadonlyMap<Value, number>,
  isWorthIt: (value: Value) => boolean,
  fits: (operand: Operand) => boolean,
): Range | null {
  let found: Range | null = null;
  for (let last = first, next = lastOf(first); next > last;) {
    if (!worksByRows(kernels.slice(first, next + 1), fits)) break;
    found = { first, last: next };
    last = next;
    for (let index = first; index <= last; index++) if (isWorthIt(kernels[index]!.output.value)) next = Math.max(next, lastOf(index));
  }
  return found;

  function lastOf(index: number): number {
    return lastRead.get(kernels[index]!.output.value) ?? index;
  }
}

/** Whether a stretch of the rows of all these kernels depends on no other row of what the others make, and on nothing whole that cannot be bound. */
function worksByRows(kernels: readonly Kernel[], fits: (operand: Operand) => boolean): boolean {
  const rows = kernels[0]!.split?.rows;
  const made = new Set<Value>();
  for (const { split, reads, output, shader } of kernels) {
    if (rows === undefined || !split || split.rows % rows !== 0 || split.start || shader === 'conv2d') return false;
    for (const [binding, operand] of Object.entries(reads)) {
      const moves = split.rowBytes[Number(binding)] !== undefined;
      if ('value' in operand ? made.has(operand.value) && (!moves || operand.offset) : moves) return false;
      if (!moves && !fits(operand)) return false;
    }
    made.add(output.value);
  }
  return true;
}

/** Values that are made within a range and read nowhere else. */
function valuesWithin(
  kernels: readonly Kernel[],
  { first, last }: Range,
  lastRead: ReadonlyMap<Value, number>,
  external: ReadonlySet<Value>,
): Set<Value> {
  const values = kernels.slice(first, last + 1).map(({ output }) => output.value);
  return new Set(values.filter((value) => !external.has(value) && (lastRead.get(value) ?? Infinity) <= last));
}

/** The kernels on a part of the rows after another; null where a part would be less than a window can be. */
function divide(
  kernels: readonly Kernel[],
  within: ReadonlySet<Value>,
  sizeBytes: (operand: Operand) => number,
  blockBytes: number,
): Kernel[] | null {
  const { rows } = kernels[0]!.split!;
  const step = Math.max(...kernels.map(({ split }) => windowStep(split!)));
  const rowBytes = Math.max(...kernels.flatMap(({ split }) => Object.values(split!.rowBytes).map((bytes) => (bytes * split!.rows) / rows)));
  const each = Math.floor(blockBytes / rowBytes / step) * step;
  if (each === 0) return null;
  return rangesOf(rows, each).flatMap(({ first, count }, block) => {
    const replaced = new Map([...within].map((value) => [value, rowsOf(value, block, (sizeBytes({ value }) / 4 / rows) * count)]));
    return kernels.map((kernel) => {
      const split: Split = kernel.split!;
      const perRow = split.rows / rows; // elements and blocks are several a row
      return { ...windowOf(kernel, split, first * perRow, count * perRow, replaced), split: undefined };
    });
  });
}

/** A value of some rows of another. Its id says which, so that it is the same at every lowering. */
function rowsOf({ id, type }: Value, block: number, elements: number): Value {
  return { id: -1_000_000 - (id * 10_000 + block), shape: [elements], type };
}
