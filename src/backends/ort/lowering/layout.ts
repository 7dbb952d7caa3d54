import { divideDims, equalDims, equalShapes } from '../../../graph/dims';
import type { Value } from '../../../graph/types';
import { int } from '../onnx/builder';
import type { LoweringContext, NodeOf } from './context';

/** Where an axis of [T, C, H, W] is in [T, H, W, C]. */
const CHANNELS_LAST_AXIS = [0, 3, 1, 2] as const;

export function lowerConcat(context: LoweringContext, node: NodeOf<'concat'>): void {
  const { axis } = node.attributes;
  const join = (names: readonly string[], on: number) => context.onnx.node('Concat', names, { attributes: [int('axis', on)] });
  if (node.inputs.every((value) => context.has(value, 'channelsLast')))
    context.set(
      node.output,
      'channelsLast',
      join(
        node.inputs.map((value) => context.get(value, 'channelsLast')),
        CHANNELS_LAST_AXIS[axis]!,
      ),
    );
  else if (axis === node.output.shape.length - 1 && node.inputs.every((value) => context.has(value, 'rows')))
    context.set(
      node.output,
      'rows',
      join(
        node.inputs.map((value) => context.get(value, 'rows')),
        1,
      ),
    );
  else
    context.set(
      node.output,
      'natural',
      join(
        node.inputs.map((value) => context.get(value)),
        axis,
      ),
    );
}

export function lowerSlice(context: LoweringContext, node: NodeOf<'slice'>): void {
  const [x] = node.inputs as readonly [Value];
  const { axis, start, end } = node.attributes;
  const cut = (name: string, on: number) =>
    context.onnx.node('Slice', [name, context.onnx.int64s([start]), context.onnx.int64s([end]), context.onnx.int64s([on])]);
  if (context.has(x, 'channelsLast') && !context.has(x, 'natural'))
    context.set(node.output, 'channelsLast', cut(context.get(x, 'channelsLast'), CHANNELS_LAST_AXIS[axis]!));
  else if (axis === x.shape.length - 1 && context.has(x, 'rows')) context.set(node.output, 'rows', cut(context.get(x, 'rows'), 1));
  else context.set(node.output, 'natural', cut(context.get(x), axis));
}

export function lowerTranspose(context: LoweringContext, node: NodeOf<'transpose'>): void {
  context.set(node.output, 'natural', context.transpose(context.get(node.inputs[0]!), node.attributes.permutation));
}

export function lowerReshape(context: LoweringContext, node: NodeOf<'reshape'>): void {
  const [x] = node.inputs as readonly [Value];
  const { output } = node;
  if (equalShapes(x.shape, output.shape)) {
    const form = context.formOf(x, 'rows', 'sequence', 'channelsLast', 'natural');
    context.set(output, form, context.onnx.node('Identity', [context.get(x, form)]));
    return;
  }
  if (context.has(x, 'channelsLast') && !context.has(x, 'natural') && regroupFrames(context, x, output)) return;
  // Rows of the same width are the same rows: only the leading axes are grouped otherwise.
  if (context.has(x, 'rows') && output.shape.length >= 2 && equalDims(x.shape.at(-1)!, output.shape.at(-1)!)) {
    context.set(output, 'rows', context.get(x, 'rows'));
    return;
  }
  context.set(output, 'natural', context.reshape(context.get(x), output.shape));
}

/**
 * [T, n·C, H, W] → [n·T, C, H, W] (frames unfolded from channels) and back, without leaving channels-last: there it is
 * a transpose of whole rows of channels.
 */
function regroupFrames(context: LoweringContext, x: Value, output: Value): boolean {
  if (x.shape.length !== 4 || output.shape.length !== 4) return false;
  const [, channels, height, width] = x.shape as [unknown, number, number | string, number | string];
  const [, newChannels, newHeight, newWidth] = output.shape as [unknown, number, number | string, number | string];
  if (!equalDims(height, newHeight) || !equalDims(width, newWidth)) return false;
  const name = context.get(x, 'channelsLast');
  const unfold = divideDims(channels, newChannels);
  const fold = divideDims(newChannels, channels);
  if (typeof unfold === 'number') {
    const split = context.reshapeTo(name, [0, 0, 0, unfold, newChannels]); // [T, H, W, n, C]
    const moved = context.transpose(split, [0, 3, 1, 2, 4]); // [T, n, H, W, C]
    context.set(output, 'channelsLast', context.reshape(moved, [output.shape[0]!, height, width, newChannels]));
    return true;
  }
  if (typeof fold === 'number') {
    const split = context.reshape(name, [output.shape[0]!, fold, height, width, channels]); // [T, n, H, W, C]
    const moved = context.transpose(split, [0, 2, 3, 1, 4]); // [T, H, W, n, C]
    context.set(output, 'channelsLast', context.reshapeTo(moved, [0, 0, 0, newChannels]));
    return true;
  }
  return false;
}
