import { expectInput, expectInputs, expectWeightShape, floats, lastDim, weightData, type OpDefinition } from './definition';

/** y = (x − mean(x)) / √(var(x) + eps) · weight + bias over the last axis; var is the biased one (÷ D). */
export const layerNorm: OpDefinition<'layerNorm'> = {
  infer({ inputs, weights }) {
    expectInputs('layerNorm', inputs, 1);
    const x = expectInput('layerNorm', inputs, 0);
    const width = lastDim('layerNorm', x);
    expectWeightShape('layerNorm', weights, 'weight', [width]);
    expectWeightShape('layerNorm', weights, 'bias', [width]);
    return { shape: x.shape, type: 'f32' };
  },

  evaluate({ inputs, weights, attributes, shape }) {
    const x = floats(inputs, 0);
    const weight = weightData(weights, 'weight');
    const bias = weightData(weights, 'bias');
    const width = shape.at(-1)!;
    const y = new Float32Array(x.length);
    for (let row = 0; row < x.length; row += width) {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += x[row + i]!;
      const mean = sum / width;
      let squares = 0;
      for (let i = 0; i < width; i++) squares += (x[row + i]! - mean) ** 2;
      const inverse = 1 / Math.sqrt(squares / width + attributes.eps);
      for (let i = 0; i < width; i++) y[row + i] = (x[row + i]! - mean) * inverse * (weight ? weight[i]! : 1) + (bias ? bias[i]! : 0);
    }
    return y;
  },
};
