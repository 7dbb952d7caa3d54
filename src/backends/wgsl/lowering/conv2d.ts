import type { Value } from '../../../graph/types';
import type { Group } from '../fuse';
import type { Kernel, Operand, WeightForm } from '../kernel';
import { convolutionConfigurations } from '../tuning/conv2d';
import type { DeviceTraits } from '../tuning/traits';
import { divideConvolution, type ConvolutionSizes, type ConvolutionSource } from './conv2d-parts';
import { product, weightOperand, type LoweringContext } from './context';

/** Output channels a thread computes, in vec4s: what weights are padded to. */
const BLOCKS = 2;

/** How convolutions' weights are kept. */
export function convolutionForm({ f16 }: DeviceTraits): WeightForm {
  return f16 ? 'convolution-f16' : 'convolution';
}

/** Output channels as they are padded in memory. */
export function paddedChannels(outChannels: number): number {
  return Math.ceil(outChannels / (4 * BLOCKS)) * 4 * BLOCKS;
}

/** One frame of a value of frames. */
function frameOf(operand: Operand, frame: number, frameBytes: number): Operand {
  if (!('value' in operand)) return operand;
  return { ...operand, offset: (operand.offset ?? 0) + frame * frameBytes, sizeBytes: Math.ceil(frameBytes / 16) * 16 };
}

export function lowerConv2d(
  { conv, upsample, concat, shift, residual, relu, shuffle, clamp, output }: Extract<Group, { kind: 'conv2d' }>,
  context: LoweringContext,
): readonly Kernel[] {
  const weight = conv.weights['weight']!;
  const bias = conv.weights['bias'];
  const first = concat?.inputs[0] ?? upsample?.inputs[0] ?? conv.inputs[0]!;
  const [frames, channels, height, width] = context.shape(conv.inputs[0]!) as [number, number, number, number];
  const [, outChannels, outHeight, outWidth] = context.shape(conv.output) as [number, number, number, number];
  const kernel = weight.shape[2]!;
  const reads: Record<number, Operand> = { 1: context.operand(first), 3: weightOperand(weight, convolutionForm(context.traits)) };
  if (concat) reads[2] = context.operand(shift ? shift.inputs[1]! : concat.inputs[1]!);
  if (bias) reads[4] = weightOperand(bias);
  if (residual) reads[5] = context.operand(residual.inputs[0] === conv.output ? residual.inputs[1]! : residual.inputs[0]!);
  const {
    configuration: { threads, pixels },
    tuning,
  } = context.choose(`conv2d.${kernel}.${outChannels <= 8 ? 'narrow' : 'wide'}`, convolutionConfigurations(context.traits));
  const half = context.traits.f16;
  const { stride, padding } = conv.attributes;
  const params = [
    channels,
    context.shape(first)[1]!,
    height,
    width,
    outChannels,
    outHeight,
    outWidth,
    padding,
    upsample?.attributes.factor ?? 1,
    0,
    shuffle?.attributes.factor ?? 1,
    { f32: clamp?.attributes.min ?? 0 },
    { f32: clamp?.attributes.max ?? 0 },
  ];
  const frameBytes = (value: Value) => 4 * product(context.shape(value).slice(1));
  const rowBytes: Record<number, number> = { 1: frameBytes(first), 6: 4 * outChannels * outHeight * outWidth };
  if (concat && !shift) rowBytes[2] = frameBytes(concat.inputs[1]!);
  if (residual) rowBytes[5] = rowBytes[6]!;
  /** A window of frames; the frame before a later window takes the memory's place. */
  const part = (firstFrame: number, count: number) => ({
    params,
    groups: [Math.ceil((outHeight * Math.ceil(outWidth / pixels)) / threads), Math.ceil(outChannels / (4 * BLOCKS)), count] as const,
    work: count * outHeight * outWidth * outChannels * channels * kernel ** 2,
    ...(shift && firstFrame > 0 ? { reads: { 2: frameOf(context.operand(first), firstFrame - 1, rowBytes[1]!) } } : {}),
  });
  const whole: Kernel = {
    shader: 'conv2d',
    defines: {
      BLOCKS,
      PIXELS: pixels,
      THREADS: threads,
      STRIDE: stride,
      KERNEL: kernel,
      INPUTS: (pixels - 1) * stride + kernel,
      CONCAT: concat !== undefined,
      SHIFTED: shift !== undefined,
      BIAS: bias !== undefined,
      RESIDUAL: residual !== undefined,
      RELU: relu !== undefined,
      SHUFFLE: shuffle !== undefined,
      CLAMP: clamp !== undefined,
      HALF: half,
      ELEMENT: half ? 'f16' : 'f32',
      PART: false,
      RESUME: false,
      SUSPEND: false,
    },
    reads,
    output: { binding: 6, value: output },
    ...part(0, frames),
    cut: { axis: 0, param: 9 },
    split: { rows: frames, rowBytes, part },
    tuning,
  };
  const sizes: ConvolutionSizes = {
    frames,
    sources: sourcesOf(reads, { channels, firstChannels: context.shape(first)[1]!, shifted: shift !== undefined }),
    height,
    width,
    outChannels,
    outHeight,
    outWidth,
    kernel,
    paddedChannels: paddedChannels(outChannels),
    weightBytes: half ? 2 : 4,
    stride,
    padding,
    enlarged: upsample?.attributes.factor ?? 1,
    shuffle: shuffle?.attributes.factor ?? 1,
    block: 4 * BLOCKS,
    pixels,
    threads,
  };
  return [{ ...whole, divide: (bindingBytes) => divideConvolution(whole, sizes, bindingBytes) }];
}

/** Where input channels come from, in the order in which they are added up. */
function sourcesOf(
  { 1: x, 2: other }: Readonly<Record<number, Operand>>,
  { channels, firstChannels, shifted }: { readonly channels: number; readonly firstChannels: number; readonly shifted: boolean },
): readonly ConvolutionSource[] {
  const first = { channels: firstChannels, firstChannel: 0, at: (frame: number) => ({ operand: x!, frame }) };
  if (!other) return [first];
  return [
    first,
    {
      channels: channels - firstChannels,
      firstChannel: firstChannels,
      at: (frame) => (!shifted ? { operand: other, frame } : frame > 0 ? { operand: x!, frame: frame - 1 } : { operand: other, frame: 0 }),
    },
  ];
}
