import { overLimit } from './errors';
import type { Value } from '../../graph/types';
import { OFFSET_ALIGNMENT, type Kernel, type Operand, type Split } from './kernel';
import { rangesOf } from './ranges';

/**
 * A kernel as one or several whose bindings are all within the limit: what is larger is bound in windows of whole rows, a dispatch each, or where
 * rows do not do as the kernel itself can be divided. Results are bit for bit those of the kernel undivided. Throws `out-of-memory` where
 * an operand over the limit cannot be divided.
 */
export function splitKernel(kernel: Kernel, sizeBytes: (operand: Operand) => number, bindingBytes: number): readonly Kernel[] {
  const { split, output } = kernel;
  const operands: Record<number, Operand> = { ...kernel.reads, [output.binding]: output };
  const over = Object.keys(operands)
    .map(Number)
    .filter((binding) => sizeBytes(operands[binding]!) > bindingBytes);
  if (over.length === 0) return [kernel];
  const whole = over.find((binding) => split?.rowBytes[binding] === undefined);
  const each = split ? rowsWithin(split, bindingBytes) : 0;
  if (split && whole === undefined && each > 0)
    return rangesOf(split.rows, each).map(({ first, count }) => windowOf(kernel, split, first, count));
  if (kernel.divide) return kernel.divide(bindingBytes);
  if (!split || whole !== undefined) throw overLimit(nameOf(kernel), sizeBytes(operands[whole ?? over[0]!]!), bindingBytes);
  throw overLimit(
    `${nameOf(kernel)}, divided as far as it can be,`,
    windowStep(split) * Math.max(...Object.values(split.rowBytes)),
    bindingBytes,
  );
}

/** Rows of a window of at most so many bytes, in whole steps; 0 where one step has more. */
function rowsWithin(split: Split, bindingBytes: number): number {
  const step = windowStep(split);
  const lead = Math.max(...Object.values(leadsOf(split)));
  return Math.floor((bindingBytes - lead) / Math.max(...Object.values(split.rowBytes)) / step) * step;
}

/**
 * The kernel that does `count` rows from `first` on, a multiple of `windowStep`. Values in `replaced` have been divided themselves: of those, the
 * rows lie at the beginning of the value that takes their place.
 */
export function windowOf(
  kernel: Kernel,
  split: Split,
  first: number,
  count: number,
  replaced: ReadonlyMap<Value, Value> = new Map(),
): Kernel {
  const leads = leadsOf(split);
  const window = <O extends Operand>(binding: number, operand: O): O => {
    const bytes = split.rowBytes[binding];
    if (bytes === undefined) return operand;
    const { offset = 0 }: Operand = operand;
    const part = 'value' in operand && replaced.get(operand.value);
    if (part) return { ...operand, value: part, sizeBytes: undefined };
    const lead = leads[binding] ?? 0;
    return {
      ...operand,
      offset: offset + (split.start?.[binding] ?? 0) - lead + first * bytes,
      sizeBytes: Math.ceil((lead + count * bytes) / 16) * 16,
    };
  };
  const { reads, ...rest } = split.part(first, count, leads);
  const windows = Object.fromEntries(Object.entries(kernel.reads).map(([binding, operand]) => [binding, window(Number(binding), operand)]));
  const output = window(kernel.output.binding, kernel.output);
  return { ...kernel, reads: { ...windows, ...reads }, output, ...rest, divide: undefined }; // which would do the whole
}

/** Windows begin aligned where they begin at multiples of so many rows. */
export function windowStep({ rowBytes }: Split): number {
  return Math.max(...Object.values(rowBytes).map(alignedRows));
}

/** Rows of so many bytes after which an offset is aligned again. */
export function alignedRows(rowBytes: number): number {
  return OFFSET_ALIGNMENT / powerOfTwoIn(rowBytes);
}

/** Bytes before the first row that a window needs to begin aligned, by binding. */
function leadsOf({ rowBytes, start }: Split): Record<number, number> {
  return Object.fromEntries(Object.keys(rowBytes).map((binding) => [binding, (start?.[+binding] ?? 0) % OFFSET_ALIGNMENT]));
}

/** The largest power of two that divides a number of bytes, up to the alignment. */
function powerOfTwoIn(bytes: number): number {
  let power = 1;
  while (power < OFFSET_ALIGNMENT && bytes % (2 * power) === 0) power *= 2;
  return power;
}

function nameOf({ shader, params }: Kernel): string {
  return `The kernel ${shader} of ${params
    .filter((param) => typeof param === 'number')
    .slice(0, 3)
    .join(' x ')}`;
}
