import { expectInput, expectInputs, expectSameShape, floats, type OpDefinition } from './definition';
import { expectModulation, vectorOffset } from './modulation';

/** z[f, s, d] = x[f, s, d] + gate[f, 0, d] · y[f, s, d]: a gated residual. */
export const gatedAdd: OpDefinition<'gatedAdd'> = {
  infer({ inputs }) {
    expectInputs('gatedAdd', inputs, 3);
    const x = expectInput('gatedAdd', inputs, 0);
    expectSameShape('gatedAdd', x.shape, expectInput('gatedAdd', inputs, 1).shape);
    expectModulation('gatedAdd', x.shape, expectInput('gatedAdd', inputs, 2).shape);
    return { shape: x.shape, type: 'f32' };
  },

  evaluate({ inputs, shape }) {
    const x = floats(inputs, 0);
    const y = floats(inputs, 1);
    const gate = floats(inputs, 2);
    const [frames, tokens, width] = shape as [number, number, number];
    const z = new Float32Array(x.length);
    for (let f = 0, at = 0; f < frames; f++) {
      const gateAt = vectorOffset(inputs[2]!.shape, f);
      for (let s = 0; s < tokens; s++) for (let d = 0; d < width; d++, at++) z[at] = x[at]! + gate[gateAt + d]! * y[at]!;
    }
    return z;
  },
};
