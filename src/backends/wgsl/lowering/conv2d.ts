import type { Group } from '../fuse';
import type { Kernel, Operand } from '../kernel';
import { weightOperand, type LoweringContext } from './context';

/** Output channels a thread computes, in vec4s, and neighbouring pixels; threads of a group. */
const BLOCKS = 2;
const PIXELS = 4;
const threadsFor = (software: boolean) => (software ? 4 : 64);

/** Output channels as they are padded in memory. */
export function paddedChannels(outChannels: number): number {
  return Math.ceil(outChannels / (4 * BLOCKS)) * 4 * BLOCKS;
}

export function lowerConv2d(
  { conv, upsample, concat, shift, residual, relu, output }: Extract<Group, { kind: 'conv2d' }>,
  context: LoweringContext,
): readonly Kernel[] {
  const weight = conv.weights['weight']!;
  const bias = conv.weights['bias'];
  const first = concat?.inputs[0] ?? upsample?.inputs[0] ?? conv.inputs[0]!;
  const [frames, channels, height, width] = context.shape(conv.inputs[0]!) as [number, number, number, number];
  const [, outChannels, outHeight, outWidth] = context.shape(conv.output) as [number, number, number, number];
  const kernel = weight.shape[2]!;
  const reads: Record<number, Operand> = { 1: context.operand(first), 3: weightOperand(weight, 'convolution') };
  if (concat) reads[2] = context.operand(shift ? shift.inputs[1]! : concat.inputs[1]!);
  if (bias) reads[4] = weightOperand(bias);
  if (residual) reads[5] = context.operand(residual.inputs[0] === conv.output ? residual.inputs[1]! : residual.inputs[0]!);
  const threads = threadsFor(context.software);
  const { stride, padding } = conv.attributes;
  return [
    {
      shader: 'conv2d',
      defines: {
        BLOCKS,
        PIXELS,
        THREADS: threads,
        STRIDE: stride,
        KERNEL: kernel,
        INPUTS: (PIXELS - 1) * stride + kernel,
        CONCAT: concat !== undefined,
        SHIFTED: shift !== undefined,
        BIAS: bias !== undefined,
        RESIDUAL: residual !== undefined,
        RELU: relu !== undefined,
      },
      reads,
      output: { binding: 6, value: output },
      params: [
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
      ],
      groups: [Math.ceil((outHeight * Math.ceil(outWidth / PIXELS)) / threads), Math.ceil(outChannels / (4 * BLOCKS)), frames],
      work: frames * outHeight * outWidth * outChannels * channels * kernel ** 2,
      cut: { axis: 0, param: 9 },
    },
  ];
}
