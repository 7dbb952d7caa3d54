import { divideDims } from '../../../graph/dims';
import type { Dim, Value } from '../../../graph/types';
import { int, text } from '../onnx/builder';
import type { LoweringContext, NodeOf } from './context';

/** Whether frames are better kept as [T, H, W, C]: where convolutions are products of matrices. */
function prefersChannelsLast(context: LoweringContext): boolean {
  return context.choices.convolution !== 'conv';
}

export function lowerUpsampleNearest(context: LoweringContext, node: NodeOf<'upsampleNearest'>): void {
  const [x] = node.inputs as readonly [Value];
  const { factor } = node.attributes;
  const [frames, channels, height, width] = x.shape as [Dim, number, Dim, Dim];
  if (prefersChannelsLast(context) || context.has(x, 'channelsLast')) {
    // [T, H, 1, W, 1·C] → [T, H, f, W, f·C]: whole rows of channels are copied.
    const held = context.get(x, 'channelsLast');
    const wide = context.onnx.node('Concat', Array<string>(factor).fill(held), { attributes: [int('axis', 3)] }); // [T, H, W, f·C]
    const rows = context.reshape(wide, [frames, height, 1, width, factor * channels]);
    const tall = context.onnx.node('Concat', Array<string>(factor).fill(rows), { attributes: [int('axis', 2)] }); // [T, H, f, W, f·C]
    const [, , newHeight, newWidth] = node.output.shape as [Dim, number, Dim, Dim];
    context.set(node.output, 'channelsLast', context.reshape(tall, [frames, newHeight, newWidth, channels]));
    return;
  }
  const attributes = [text('mode', 'nearest'), text('coordinate_transformation_mode', 'asymmetric'), text('nearest_mode', 'floor')];
  const scales = context.onnx.floats([1, 1, factor, factor]);
  context.set(node.output, 'natural', context.onnx.node('Resize', [context.get(x), '', scales], { attributes }));
}

/** [T, C·r², H, W] → [T, C, r·H, r·W]. */
export function lowerPixelShuffle(context: LoweringContext, node: NodeOf<'pixelShuffle'>): void {
  const [x] = node.inputs as readonly [Value];
  const { factor } = node.attributes;
  if (context.has(x, 'channelsLast')) {
    const channels = node.output.shape[1] as number;
    const split = context.reshapeTo(context.get(x, 'channelsLast'), [0, 0, 0, channels, factor, factor]);
    const moved = context.transpose(split, [0, 3, 1, 4, 2, 5]); // [T, C, H, r, W, r]
    context.set(node.output, 'natural', context.reshape(moved, node.output.shape));
    return;
  }
  const attributes = [int('blocksize', factor), text('mode', 'CRD')];
  context.set(node.output, 'natural', context.onnx.node('DepthToSpace', [context.get(x)], { attributes }));
}

/** [T, C, r·H, r·W] → [T, C·r², H, W]; ONNX's SpaceToDepth has another order of channels. */
export function lowerPixelUnshuffle(context: LoweringContext, node: NodeOf<'pixelUnshuffle'>): void {
  const [x] = node.inputs as readonly [Value];
  const { factor } = node.attributes;
  const [frames, channels] = x.shape as [Dim, number];
  const [, newChannels, height, width] = node.output.shape as [Dim, number, Dim, Dim];
  const split = context.reshape(context.get(x), [frames, channels, height, factor, width, factor]);
  if (prefersChannelsLast(context)) {
    const moved = context.transpose(split, [0, 2, 4, 1, 3, 5]); // [T, H, W, C, r, r]
    context.set(node.output, 'channelsLast', context.reshape(moved, [frames, height, width, newChannels]));
    return;
  }
  const moved = context.transpose(split, [0, 1, 3, 5, 2, 4]); // [T, C, r, r, H, W]
  context.set(node.output, 'natural', context.reshape(moved, node.output.shape));
}

/** [memory, x₀ … x_{T−2}]. */
export function lowerShiftFrames(context: LoweringContext, node: NodeOf<'shiftFrames'>): void {
  const [x, memory] = node.inputs as readonly [Value, Value];
  const form = context.formOf(x, 'channelsLast', 'natural');
  const earlier = context.onnx.node('Slice', [
    context.get(x, form),
    context.onnx.int64s([0]),
    context.onnx.int64s([-1]),
    context.onnx.int64s([0]),
  ]);
  context.set(node.output, form, context.onnx.node('Concat', [context.get(memory, form), earlier], { attributes: [int('axis', 0)] }));
}

/** [C, T, H, W] → [T, S, C·p²] or [1, T·S, C·p²]. */
export function lowerPatchify(context: LoweringContext, node: NodeOf<'patchify'>): void {
  const [x] = node.inputs as readonly [Value];
  const { patch } = node.attributes;
  const [channels, frames, height, width] = x.shape as [number, Dim, Dim, Dim];
  const split = context.reshape(context.get(x), [channels, frames, patches(height, patch), patch, patches(width, patch), patch]);
  const moved = context.transpose(split, [1, 2, 4, 0, 3, 5]); // [T, H/p, W/p, C, p, p]
  context.set(node.output, 'rows', context.reshapeTo(moved, [-1, channels * patch * patch]));
}

/** [F, S, p²·C] → [C, T, H, W], the sizes of the second input. */
export function lowerUnpatchify(context: LoweringContext, node: NodeOf<'unpatchify'>): void {
  const [x] = node.inputs as readonly [Value, Value];
  const { patch } = node.attributes;
  const [channels, frames, height, width] = node.output.shape as [number, Dim, Dim, Dim];
  const form = context.formOf(x, 'rows', 'natural');
  const split = context.reshape(context.get(x, form), [frames, patches(height, patch), patches(width, patch), patch, patch, channels]);
  const moved = context.transpose(split, [5, 0, 1, 3, 2, 4]); // [C, T, H/p, p, W/p, p]
  context.set(node.output, 'natural', context.reshape(moved, node.output.shape));
}

function patches(dim: Dim, patch: number): Dim {
  return divideDims(dim, patch)!; // shape inference has checked that it divides
}
