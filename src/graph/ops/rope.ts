import { equalDims, formatShape } from '../dims';
import { invalidGraph } from '../errors';
import { expectInput, expectInputs, expectSameShape, floats, lastDim, type OpDefinition } from './definition';

/**
 * Rotary position embedding (Su et al., RoFormer, 2021) on interleaved pairs of every head:
 * (a, b) = (x₂ᵢ, x₂ᵢ₊₁) → (a·cosᵢ − b·sinᵢ, a·sinᵢ + b·cosᵢ). All heads of a token share its angles.
 */
export const rope: OpDefinition<'rope'> = {
  infer({ inputs, attributes }) {
    expectInputs('rope', inputs, 3);
    const x = expectInput('rope', inputs, 0);
    const cos = expectInput('rope', inputs, 1);
    expectSameShape('rope', cos.shape, expectInput('rope', inputs, 2).shape);
    const fits =
      x.shape.length === cos.shape.length &&
      x.shape.slice(0, -1).every((dim, axis) => equalDims(dim, cos.shape[axis]!)) &&
      lastDim('rope', x) === lastDim('rope', cos) * 2 * attributes.heads;
    if (!fits)
      throw invalidGraph(
        `rope with ${attributes.heads} heads takes [..., heads · dim] and [..., dim / 2], not ${formatShape(x.shape)} and ${formatShape(cos.shape)}.`,
      );
    return { shape: x.shape, type: 'f32' };
  },

  evaluate({ inputs, attributes, shape }) {
    const x = floats(inputs, 0);
    const cos = floats(inputs, 1);
    const sin = floats(inputs, 2);
    const width = shape.at(-1)!;
    const pairs = width / attributes.heads / 2;
    const y = new Float32Array(x.length);
    for (let token = 0, at = 0; at < x.length; token++)
      for (let head = 0; head < attributes.heads; head++)
        for (let i = 0; i < pairs; i++, at += 2) {
          const c = cos[token * pairs + i]!;
          const s = sin[token * pairs + i]!;
          y[at] = x[at]! * c - x[at + 1]! * s;
          y[at + 1] = x[at]! * s + x[at + 1]! * c;
        }
    return y;
  },
};
