import { formatShape } from '../dims';
import { invalidGraph } from '../errors';
import {
  count,
  expectInput,
  expectInputs,
  expectWeight,
  expectWeightShape,
  floats,
  lastDim,
  weightData,
  type OpDefinition,
} from './definition';

/** y[…, o] = bias[o] + Σᵢ x[…, i] · weight[o, i], as torch.nn.Linear. */
export const linear: OpDefinition<'linear'> = {
  infer({ inputs, weights }) {
    expectInputs('linear', inputs, 1);
    const x = expectInput('linear', inputs, 0);
    const weight = expectWeight('linear', weights, 'weight', 2);
    const [outputs, features] = weight as [number, number];
    if (lastDim('linear', x) !== features)
      throw invalidGraph(`linear with a weight of ${formatShape(weight)} takes ${features} features, not ${formatShape(x.shape)}.`);
    expectWeightShape('linear', weights, 'bias', [outputs]);
    return { shape: [...x.shape.slice(0, -1), outputs], type: 'f32' };
  },

  evaluate({ inputs, weights, shape }) {
    const x = floats(inputs, 0);
    const weight = weightData(weights, 'weight')!;
    const bias = weightData(weights, 'bias');
    const features = inputs[0]!.shape.at(-1)!;
    const outputs = shape.at(-1)!;
    const rows = count(shape.slice(0, -1));
    const y = new Float32Array(count(shape));
    // Four outputs share each read of x.
    for (let row = 0; row < rows; row++) {
      const from = row * features;
      const to = row * outputs;
      let o = 0;
      for (; o + 4 <= outputs; o += 4) {
        const w0 = o * features;
        const w1 = w0 + features;
        const w2 = w1 + features;
        const w3 = w2 + features;
        let s0 = bias ? bias[o]! : 0;
        let s1 = bias ? bias[o + 1]! : 0;
        let s2 = bias ? bias[o + 2]! : 0;
        let s3 = bias ? bias[o + 3]! : 0;
        for (let i = 0; i < features; i++) {
          const v = x[from + i]!;
          s0 += v * weight[w0 + i]!;
          s1 += v * weight[w1 + i]!;
          s2 += v * weight[w2 + i]!;
          s3 += v * weight[w3 + i]!;
        }
        y[to + o] = s0;
        y[to + o + 1] = s1;
        y[to + o + 2] = s2;
        y[to + o + 3] = s3;
      }
      for (; o < outputs; o++) {
        let sum = bias ? bias[o]! : 0;
        for (let i = 0; i < features; i++) sum += x[from + i]! * weight[o * features + i]!;
        y[to + o] = sum;
      }
    }
    return y;
  },
};
