import { expectInput, expectInputs, expectWeight, expectWeightShape, floats, lastDim, weightData, type OpDefinition } from './definition';

/** y = x / √(mean(x²) + eps) · weight over the last axis. */
export const rmsNorm: OpDefinition<'rmsNorm'> = {
  infer({ inputs, weights }) {
    expectInputs('rmsNorm', inputs, 1);
    const x = expectInput('rmsNorm', inputs, 0);
    expectWeight('rmsNorm', weights, 'weight', 1);
    expectWeightShape('rmsNorm', weights, 'weight', [lastDim('rmsNorm', x)]);
    return { shape: x.shape, type: 'f32' };
  },

  evaluate({ inputs, weights, attributes, shape }) {
    const x = floats(inputs, 0);
    const weight = weightData(weights, 'weight')!;
    const width = shape.at(-1)!;
    const y = new Float32Array(x.length);
    for (let row = 0; row < x.length; row += width) {
      let squares = 0;
      for (let i = 0; i < width; i++) squares += x[row + i]! ** 2;
      const inverse = 1 / Math.sqrt(squares / width + attributes.eps);
      for (let i = 0; i < width; i++) y[row + i] = x[row + i]! * inverse * weight[i]!;
    }
    return y;
  },
};
