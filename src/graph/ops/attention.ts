import { equalDims, formatShape, multiplyDims } from '../dims';
import { invalidGraph } from '../errors';
import { count, expectInput, expectInputs, expectSameShape, floats, lastDim, type OpDefinition } from './definition';

/**
 * Multi-head attention (Vaswani et al., 2017): softmax(scale · q·kᵀ + bias) · v for every head. Leading axes
 * are flattened into one sequence and there is no mask: every query sees every key.
 */
export const attention: OpDefinition<'attention'> = {
  infer({ inputs, attributes }) {
    expectInputs('attention', inputs, 3, 4);
    const q = expectInput('attention', inputs, 0);
    const k = expectInput('attention', inputs, 1);
    expectSameShape('attention', k.shape, expectInput('attention', inputs, 2).shape);
    const width = lastDim('attention', q);
    if (width !== lastDim('attention', k) || width % attributes.heads !== 0)
      throw invalidGraph(`attention with ${attributes.heads} heads cannot join ${formatShape(q.shape)} with ${formatShape(k.shape)}.`);
    if (inputs.length === 4) {
      const bias = expectInput('attention', inputs, 3, 'f32', 3);
      const queries = multiplyDims(...q.shape.slice(0, -1));
      const keys = multiplyDims(...k.shape.slice(0, -1));
      if (bias.shape[0] !== attributes.heads || !equalDims(bias.shape[1]!, queries) || !equalDims(bias.shape[2]!, keys))
        throw invalidGraph(`attention takes a bias of ${formatShape([attributes.heads, queries, keys])}, not ${formatShape(bias.shape)}.`);
    }
    return { shape: q.shape, type: 'f32' };
  },

  evaluate({ inputs, attributes, shape }) {
    const q = floats(inputs, 0);
    const k = floats(inputs, 1);
    const v = floats(inputs, 2);
    const bias = inputs[3]?.data;
    const { heads, scale } = attributes;
    const width = shape.at(-1)!;
    const dim = width / heads;
    const queries = count(shape.slice(0, -1));
    const keys = count(inputs[1]!.shape.slice(0, -1));
    const y = new Float32Array(q.length);
    const scores = new Float64Array(keys);
    const mixed = new Float64Array(dim);
    for (let head = 0; head < heads; head++)
      for (let i = 0; i < queries; i++) {
        const qAt = i * width + head * dim;
        let largest = -Infinity;
        for (let j = 0; j < keys; j++) {
          const kAt = j * width + head * dim;
          let dot = 0;
          for (let d = 0; d < dim; d++) dot += q[qAt + d]! * k[kAt + d]!;
          const score = dot * scale + (bias ? bias[(head * queries + i) * keys + j]! : 0);
          scores[j] = score;
          if (score > largest) largest = score;
        }
        let total = 0;
        mixed.fill(0);
        for (let j = 0; j < keys; j++) {
          const share = Math.exp(scores[j]! - largest);
          total += share;
          const vAt = j * width + head * dim;
          for (let d = 0; d < dim; d++) mixed[d]! += share * v[vAt + d]!;
        }
        for (let d = 0; d < dim; d++) y[qAt + d] = mixed[d]! / total;
      }
    return y;
  },
};
