import { expectInput, expectInputs, floats, type OpDefinition } from './definition';
import { expectModulation, vectorOffset } from './modulation';

/** y[f, s, d] = x[f, s, d] · (1 + scale[f, 0, d]) + shift[f, 0, d]: adaptive layer norm's second half. */
export const modulate: OpDefinition<'modulate'> = {
  infer({ inputs }) {
    expectInputs('modulate', inputs, 3);
    const x = expectInput('modulate', inputs, 0);
    for (const index of [1, 2]) expectModulation('modulate', x.shape, expectInput('modulate', inputs, index).shape);
    return { shape: x.shape, type: 'f32' };
  },

  evaluate({ inputs, shape }) {
    const x = floats(inputs, 0);
    const shift = floats(inputs, 1);
    const scale = floats(inputs, 2);
    const [frames, tokens, width] = shape as [number, number, number];
    const y = new Float32Array(x.length);
    for (let f = 0, at = 0; f < frames; f++) {
      const shiftAt = vectorOffset(inputs[1]!.shape, f);
      const scaleAt = vectorOffset(inputs[2]!.shape, f);
      for (let s = 0; s < tokens; s++)
        for (let d = 0; d < width; d++, at++) y[at] = x[at]! * (1 + scale[scaleAt + d]!) + shift[shiftAt + d]!;
    }
    return y;
  },
};
