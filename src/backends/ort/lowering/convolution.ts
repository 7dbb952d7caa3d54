import type { Dim, Value, WeightRef } from '../../../graph/types';
import { int, ints } from '../onnx/builder';
import type { LoweringContext, NodeOf } from './context';
import { lowerWinograd, suitsWinograd } from './winograd';

/** y[t, o, i, j] = bias[o] + Σ weight[o, c, a, b] · x[t, c, i·stride + a − padding, j·stride + b − padding]. */
export function lowerConv2d(context: LoweringContext, node: NodeOf<'conv2d'>): void {
  if (context.choices.convolution === 'conv') return lowerConv(context, node);
  if (context.choices.convolution === 'winograd' && suitsWinograd(node)) return lowerWinograd(context, node);
  lowerMatrix(context, node);
}

function lowerConv(context: LoweringContext, node: NodeOf<'conv2d'>): void {
  const { weight, bias } = node.weights;
  const { stride, padding } = node.attributes;
  const [outputs, channels, kernel] = weight!.shape as [number, number, number];
  const missing = context.choices.provider === 'webgpu' ? missingChannels(channels) : 0;
  let x = context.get(node.inputs[0]!);
  let filters = context.weight(weight!);
  if (missing > 0) {
    x = context.onnx.node('Pad', [x, context.onnx.int64s([0, 0, 0, 0, 0, missing, 0, 0])]);
    const window = kernel * kernel;
    filters = context.packedWeight(weight!, 'with channels of zeros', [outputs, channels + missing, kernel, kernel], (data) =>
      appendZeros(data, channels * window, missing * window),
    );
  }
  const attributes = [
    ints('kernel_shape', [kernel, kernel]),
    ints('strides', [stride, stride]),
    ints('pads', [padding, padding, padding, padding]),
  ];
  context.set(node.output, 'natural', context.onnx.node('Conv', [x, filters, ...(bias ? [context.weight(bias)] : [])], { attributes }));
}

/**
 * How many channels to add for ONNX Runtime 1.30's WebGPU convolution to be right: it reads channels in threes where
 * they divide by 3 and not by 4, and gets that wrong above 3 (seen with 6, 9, 33 and 66 channels, outputs dividing by 4;
 * https://github.com/microsoft/onnxruntime/issues/29651 reports the same of 6 and 9).
 */
function missingChannels(channels: number): number {
  return channels > 3 && channels % 3 === 0 && channels % 4 !== 0 ? 4 - (channels % 4) : 0;
}

/** Rows of `size` values with `zeros` zeros after each. */
function appendZeros(data: Float32Array, size: number, zeros: number): Float32Array {
  const rows = data.length / size;
  const padded = new Float32Array(rows * (size + zeros));
  for (let row = 0; row < rows; row++) padded.set(data.subarray(row * size, (row + 1) * size), row * (size + zeros));
  return padded;
}

/**
 * As a product of matrices over channels-last frames: every output position's window [k, k, C] in a row, times the
 * weight [O, k·k·C]. Whole rows of channels are copied, columns of the window first, then its rows.
 */
function lowerMatrix(context: LoweringContext, node: NodeOf<'conv2d'>): void {
  const [x] = node.inputs as readonly [Value];
  const { weight, bias } = node.weights;
  const [outputs, channels, kernel] = weight!.shape as [number, number, number, number];
  const features = kernel * kernel * channels;
  const windows = gatherWindows(context, context.get(x, 'channelsLast'), kernel, node.attributes.stride, node.attributes.padding);
  const rows = context.reshapeTo(windows, [-1, features]);
  const inputs = [rows, windowWeight(context, weight!), ...(bias ? [context.weight(bias)] : [])];
  const product = context.onnx.node('Gemm', inputs, { attributes: [int('transB', 1)] });
  const [frames, , height, width] = node.output.shape as [Dim, number, Dim, Dim];
  context.set(node.output, 'channelsLast', context.reshape(product, [frames, height, width, outputs]));
}

/** [T, H, W, C] → [T, H', W', k·k·C]. */
function gatherWindows(context: LoweringContext, name: string, kernel: number, stride: number, padding: number): string {
  if (kernel === 1 && stride === 1 && padding === 0) return name;
  const { onnx } = context;
  const padded = padding === 0 ? name : onnx.node('Pad', [name, onnx.int64s([0, padding, padding, 0, 0, padding, padding, 0])]);
  const shifted = (from: string, axis: number) =>
    onnx.node(
      'Concat',
      Array.from({ length: kernel }, (_, at) => {
        // The last window starts kernel − 1 before the end.
        const end = at === kernel - 1 ? TO_END : at - (kernel - 1);
        return onnx.node('Slice', [from, onnx.int64s([at]), onnx.int64s([end]), onnx.int64s([axis]), onnx.int64s([stride])]);
      }),
      { attributes: [int('axis', 3)] },
    );
  return shifted(shifted(padded, 2), 1);
}

const TO_END = 2 ** 31 - 1;

/** [O, C, k, k] → [O, k·k·C]. */
function windowWeight(context: LoweringContext, weight: WeightRef): string {
  const [outputs, channels, kernel] = weight.shape as [number, number, number, number];
  const features = kernel * kernel * channels;
  return context.packedWeight(weight, 'windows', [outputs, features], (data) =>
    channelsInnermost(data, outputs, channels, kernel * kernel),
  );
}

function channelsInnermost(data: Float32Array, outputs: number, channels: number, positions: number): Float32Array {
  const moved = new Float32Array(data.length);
  for (let o = 0; o < outputs; o++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < positions; p++) moved[(o * positions + p) * channels + c] = data[(o * channels + c) * positions + p]!;
  return moved;
}
