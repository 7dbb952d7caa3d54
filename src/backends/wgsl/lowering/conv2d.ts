import type { Group } from '../fuse';
import type { Kernel, Operand } from '../kernel';
import { weightOperand, type LoweringContext } from './context';

/** Output channels that one thread computes for its pixel. */
const CHANNELS = 8;
const PIXELS = 64;

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
  const reads: Record<number, Operand> = { 1: context.operand(first), 3: weightOperand(weight) };
  if (concat) reads[2] = context.operand(shift ? shift.inputs[1]! : concat.inputs[1]!);
  if (bias) reads[4] = weightOperand(bias);
  if (residual) reads[5] = context.operand(residual.inputs[0] === conv.output ? residual.inputs[1]! : residual.inputs[0]!);
  return [
    {
      shader: 'conv2d',
      defines: {
        CHANNELS,
        KERNEL: kernel,
        CONCAT: concat !== undefined,
        SHIFTED: shift !== undefined,
        BIAS: bias !== undefined,
        RESIDUAL: residual !== undefined,
        RELU: relu !== undefined,
      },
      reads,
      output: { binding: 6, value: output },
      params: [
        frames,
        channels,
        context.shape(first)[1]!,
        height,
        width,
        outChannels,
        outHeight,
        outWidth,
        kernel,
        conv.attributes.stride,
        conv.attributes.padding,
        upsample?.attributes.factor ?? 1,
      ],
      groups: [Math.ceil((outHeight * outWidth) / PIXELS), Math.ceil(outChannels / CHANNELS), frames],
    },
  ];
}
