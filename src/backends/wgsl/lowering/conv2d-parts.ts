import { overLimit } from '../errors';
import type { Kernel, Operand } from '../kernel';
import { largestFitting, rangesOf, type Range } from '../ranges';
import { windowBytes, windowFor } from '../window';

/** Some of the input channels of a convolution, and the tensor and frame of it that they lie in. */
export interface ConvolutionSource {
  readonly channels: number;
  /** The first of them among all input channels. */
  readonly firstChannel: number;
  readonly at: (frame: number) => { readonly operand: Operand; readonly frame: number };
}

export interface ConvolutionSizes {
  readonly frames: number;
  readonly sources: readonly ConvolutionSource[];
  /** Of the input as the kernel sees it, enlarged. */
  readonly height: number;
  readonly width: number;
  readonly outChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly kernel: number;
  /** Output channels as weights are padded to, and bytes of a weight. */
  readonly paddedChannels: number;
  readonly weightBytes: number;
  readonly stride: number;
  readonly padding: number;
  /** Factor by which the stored picture is enlarged. */
  readonly enlarged: number;
  readonly shuffle: number;
  /** Output channels that a thread computes; its pixels, and threads of a group. */
  readonly block: number;
  readonly pixels: number;
  readonly threads: number;
}

/** Rows of output channels that a dispatch makes. */
interface OutputPart {
  readonly channels: Range;
  readonly rows: Range;
}

/** What of the sums a dispatch adds up: some kernel rows of some channels of a source. */
interface SumPart {
  readonly source: ConvolutionSource;
  readonly channels: Range;
  readonly taps: Range;
}

/** Bytes of the weights between the first that some kernel rows of so many input channels need and the last; see shaders/conv2d.wgsl. */
export function weightSpan(
  { kernel, paddedChannels, weightBytes }: Pick<ConvolutionSizes, 'kernel' | 'paddedChannels' | 'weightBytes'>,
  channels: number,
  kernelRows: number,
): number {
  return ((channels - 1) * kernel + kernelRows) * kernel * paddedChannels * weightBytes;
}

/**
 * A convolution one picture or the weights of which are over the binding limit, as dispatches on parts of it: frame by frame, on whole planes of as many output channels as can
 * be bound, or rows of a plane; each adds up as many input channels as can be bound, with the rows round it that the kernel sees and their weights. Sums wait in the
 * output between dispatches, which follow the order of the whole (kernel row, then channel): results are bit for bit the same.
 */
export function divideConvolution(whole: Kernel, sizes: ConvolutionSizes, bindingBytes: number): readonly Kernel[] {
  const fits = (elements: number) => windowBytes(elements) <= bindingBytes;
  const outputs = outputParts(sizes, whole.reads[5] !== undefined, fits);
  if (outputs.length === 0)
    throw overLimit(
      'A row of a convolution’s picture',
      windowBytes(Math.max(sizes.width * sizes.kernel, sizes.outWidth * sizes.shuffle ** 2)),
      bindingBytes,
    );
  const parts: Kernel[] = [];
  for (let frame = 0; frame < sizes.frames; frame++)
    for (const output of outputs) {
      const sums = sumParts(sizes, output.rows, fits);
      sums.forEach((sum, index) =>
        parts.push(partOf(whole, sizes, frame, output, sum, { isFirst: index === 0, isLast: index === sums.length - 1 })),
      );
    }
  return parts;
}

function outputParts(sizes: ConvolutionSizes, hasResidual: boolean, fits: (elements: number) => boolean): OutputPart[] {
  const { outChannels, outHeight, outWidth, shuffle, block } = sizes;
  /** Whether so many channels, from a multiple of their number on, can be bound in so many rows. */
  const canBind = (channels: number, rows: number) => {
    const planes = Math.min(outChannels / shuffle ** 2, planesOf(channels, shuffle ** 2));
    const plane = shuffle ** 2 * outWidth;
    return (
      fits((planes - 1) * plane * outHeight + plane * rows) &&
      (!hasResidual || fits((channels - 1) * outHeight * outWidth + outWidth * rows))
    );
  };
  const blocks = largestFitting(Math.ceil(outChannels / block), (count) => canBind(Math.min(outChannels, count * block), outHeight));
  const channels = blocks > 0 ? blocks * block : (halvesOf(block).find((count) => canBind(count, outHeight)) ?? 1);
  const rows = largestFitting(outHeight, (count) => canBind(Math.min(channels, outChannels), count) && fits(inputElements(sizes, count)));
  if (rows === 0) return [];
  return rangesOf(outChannels, channels).flatMap((own) => rangesOf(outHeight, rows).map((band) => ({ channels: own, rows: band })));
}

/** Planes that so many channels lie in, from a multiple of their number on, where `each` share one. */
function planesOf(channels: number, each: number): number {
  if (channels % each === 0) return channels / each;
  return each % channels === 0 ? 1 : Math.floor((channels + each - 2) / each) + 1;
}

/** A block of output channels halved and halved again. */
function halvesOf(block: number): number[] {
  return block <= 1 ? [] : [block / 2, ...halvesOf(block / 2)];
}

/** Elements of one input channel that so many output rows see at most. */
function inputElements({ height, width, kernel, stride, enlarged }: ConvolutionSizes, rows: number): number {
  const seen = Math.ceil(((rows - 1) * stride + kernel) / enlarged) + 1;
  return Math.min(height / enlarged, seen) * (width / enlarged);
}

/** All at once where it can be bound, else kernel row by kernel row, as many channels at a time as can. */
function sumParts(sizes: ConvolutionSizes, rows: Range, fits: (elements: number) => boolean): SumPart[] {
  const { sources, kernel, height, width, enlarged } = sizes;
  const [only, ...others] = sources;
  const plane = (height / enlarged) * (width / enlarged);
  const channelsWithin = (source: ConvolutionSource, taps: Range) =>
    largestFitting(
      source.channels,
      (count) =>
        fits((count - 1) * plane + inputRows(sizes, rows, taps).count * (width / enlarged)) &&
        fits(weightSpan(sizes, count, taps.count) / 4),
    );
  const all = { first: 0, count: kernel };
  if (only && others.length === 0 && channelsWithin(only, all) === only.channels)
    return [{ source: only, channels: { first: 0, count: only.channels }, taps: all }];
  return rangesOf(kernel, 1).flatMap((taps) =>
    sources.flatMap((source) => rangesOf(source.channels, channelsWithin(source, taps)).map((channels) => ({ source, channels, taps }))),
  );
}

/** Stored rows of the input that rows of the output see through some rows of the kernel. */
function inputRows({ height, stride, padding, enlarged }: ConvolutionSizes, rows: Range, taps: Range): Range {
  const within = (row: number) => Math.min(height - 1, Math.max(0, row));
  const first = Math.floor(within(rows.first * stride + taps.first - padding) / enlarged);
  const last = Math.floor(within((rows.first + rows.count - 1) * stride + taps.first + taps.count - 1 - padding) / enlarged);
  return { first, count: last - first + 1 };
}

function partOf(
  whole: Kernel,
  sizes: ConvolutionSizes,
  frame: number,
  { channels: own, rows }: OutputPart,
  { source, channels, taps }: SumPart,
  { isFirst, isLast }: { readonly isFirst: boolean; readonly isLast: boolean },
): Kernel {
  const { outChannels, outHeight, outWidth, shuffle, block, pixels, threads, enlarged } = sizes;
  // Elements of the whole tensors at which windows begin and end.
  const wide = sizes.width / enlarged;
  const plane = (sizes.height / enlarged) * wide;
  const seen = inputRows(sizes, rows, taps);
  const input = source.at(frame);
  const firstPlane = (input.frame * source.channels + channels.first) * plane;
  const x = windowFor(
    input.operand,
    firstPlane + seen.first * wide,
    firstPlane + (channels.count - 1) * plane + (seen.first + seen.count) * wide,
  );
  const firstChannel = source.firstChannel + channels.first;
  const weightRow = weightSpan(sizes, 1, 1) / 4;
  const firstWeight = (firstChannel * sizes.kernel + taps.first) * weightRow;
  const w = windowFor(whole.reads[3]!, firstWeight, firstWeight + weightSpan(sizes, channels.count, taps.count) / 4);
  const outRows = (from: { readonly perPlane: number; readonly planeRows: number; readonly wide: number; readonly rowsEach: number }) => {
    const at = (channel: number) => ((frame * outChannels) / from.perPlane + Math.floor(channel / from.perPlane)) * from.planeRows;
    return [
      (at(own.first) + rows.first * from.rowsEach) * from.wide,
      (at(own.first + own.count - 1) + (rows.first + rows.count) * from.rowsEach) * from.wide,
    ] as const;
  };
  const y = windowFor(
    whole.output,
    ...outRows({ perPlane: shuffle ** 2, planeRows: outHeight * shuffle, wide: outWidth * shuffle, rowsEach: shuffle }),
  );
  const residual =
    isLast && whole.reads[5] && windowFor(whole.reads[5], ...outRows({ perPlane: 1, planeRows: outHeight, wide: outWidth, rowsEach: 1 }));
  const reads: Record<number, Operand> = { 1: x.operand, 3: w.operand };
  if (isLast && whole.reads[4]) reads[4] = whole.reads[4];
  if (residual) reads[5] = residual.operand;
  const firstBlock = Math.floor(own.first / block);
  const before = frame * outChannels * outHeight * outWidth; // parts are of one frame, which kernels count as the first
  return {
    ...whole,
    split: undefined,
    divide: undefined,
    defines: {
      ...whole.defines,
      PART: true,
      RESUME: !isFirst,
      SUSPEND: !isLast,
      CONCAT: false,
      SHIFTED: false,
      ...(isLast ? {} : { BIAS: false, RESIDUAL: false, RELU: false, CLAMP: false }),
    },
    reads,
    output: y.operand,
    params: [
      channels.count,
      ...whole.params.slice(1),
      rows.first,
      rows.first + rows.count,
      own.first,
      own.first + own.count,
      taps.first,
      taps.first + taps.count,
      w.start / sizes.weightBytes - (firstChannel * sizes.kernel ** 2 * sizes.paddedChannels) / 4, // in vec4s
      x.start - firstPlane,
      y.start - before,
      (residual ? residual.start : 0) - before,
    ],
    groups: [Math.ceil((rows.count * Math.ceil(outWidth / pixels)) / threads), Math.ceil((own.first + own.count) / block) - firstBlock, 1],
    work: rows.count * outWidth * own.count * channels.count * taps.count * sizes.kernel,
  };
}
