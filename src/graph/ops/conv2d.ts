import { divideDims, formatShape } from '../dims';
import { invalidGraph } from '../errors';
import type { Dim } from '../types';
import {
  count,
  expectInput,
  expectInputs,
  expectWeight,
  expectWeightShape,
  fixedDim,
  floats,
  weightData,
  type OpDefinition,
} from './definition';

/** y[t, o, i, j] = bias[o] + Σ weight[o, c, a, b] · x[t, c, i·stride + a − padding, j·stride + b − padding]; x is 0 outside. */
export const conv2d: OpDefinition<'conv2d'> = {
  infer({ inputs, weights, attributes }) {
    expectInputs('conv2d', inputs, 1);
    const x = expectInput('conv2d', inputs, 0, 'f32', 4);
    const weight = expectWeight('conv2d', weights, 'weight', 4);
    const [outputs, channels, kernel, kernelWidth] = weight as [number, number, number, number];
    if (kernel !== kernelWidth || fixedDim('conv2d', x, 1) !== channels)
      throw invalidGraph(`conv2d with a weight of ${formatShape(weight)} cannot take ${formatShape(x.shape)}.`);
    expectWeightShape('conv2d', weights, 'bias', [outputs]);
    const size = (dim: Dim) => convolvedDim(dim, kernel, attributes.stride, attributes.padding);
    return { shape: [x.shape[0]!, outputs, size(x.shape[2]!), size(x.shape[3]!)], type: 'f32' };
  },

  evaluate({ inputs, weights, attributes, shape }) {
    const { stride, padding } = attributes;
    const [frames, outputs, height, width] = shape as [number, number, number, number];
    const channels = inputs[0]!.shape[1]!;
    const kernel = weights.weight!.shape[2]!;
    const weight = weightData(weights, 'weight')!;
    const bias = weightData(weights, 'bias');
    const { padded, paddedHeight, paddedWidth } = padSides(floats(inputs, 0), inputs[0]!.shape, padding);
    const y = new Float32Array(count(shape));
    const plane = height * width;
    const sums = new Float64Array(plane);
    for (let t = 0; t < frames; t++)
      for (let o = 0; o < outputs; o++) {
        sums.fill(bias ? bias[o]! : 0);
        for (let c = 0; c < channels; c++) {
          const from = (t * channels + c) * paddedHeight * paddedWidth;
          for (let a = 0; a < kernel; a++)
            for (let b = 0; b < kernel; b++) {
              const w = weight[((o * channels + c) * kernel + a) * kernel + b]!;
              for (let i = 0, at = 0; i < height; i++) {
                let source = from + (i * stride + a) * paddedWidth + b;
                for (let j = 0; j < width; j++, at++, source += stride) sums[at]! += w * padded[source]!;
              }
            }
        }
        y.set(sums, (t * outputs + o) * plane);
      }
    return y;
  },
};

/**
 * ⌊(n + 2·padding − kernel) / stride⌋ + 1. For a symbolic n that is a multiple of the stride this is
 * n / stride, as long as the kernel overhangs the padding by 1 to `stride` pixels.
 */
function convolvedDim(dim: Dim, kernel: number, stride: number, padding: number): Dim {
  const overhang = kernel - 2 * padding;
  if (typeof dim === 'number') {
    const size = Math.floor((dim - overhang) / stride) + 1;
    if (size < 1) throw invalidGraph(`A convolution of ${kernel} pixels does not fit into ${dim}.`);
    return size;
  }
  const size = overhang >= 1 && overhang <= stride ? divideDims(dim, stride) : undefined;
  if (size === undefined)
    throw invalidGraph(`A convolution of ${kernel} pixels with stride ${stride} and padding ${padding} gives no whole size for ${dim}.`);
  return size;
}

function padSides(x: Float32Array, shape: readonly number[], padding: number) {
  const [frames, channels, height, width] = shape as [number, number, number, number];
  const paddedHeight = height + 2 * padding;
  const paddedWidth = width + 2 * padding;
  if (padding === 0) return { padded: x, paddedHeight, paddedWidth };
  const padded = new Float32Array(frames * channels * paddedHeight * paddedWidth);
  for (let p = 0; p < frames * channels; p++)
    for (let i = 0; i < height; i++) {
      const row = (p * height + i) * width;
      padded.set(x.subarray(row, row + width), (p * paddedHeight + i + padding) * paddedWidth + padding);
    }
  return { padded, paddedHeight, paddedWidth };
}
