import { multiplyDims } from '../dims';
import { count, expectInput, expectInputs, floats, type OpDefinition } from './definition';

/** y[t, c, i, j] = x[t, c, ⌊i / factor⌋, ⌊j / factor⌋]. */
export const upsampleNearest: OpDefinition<'upsampleNearest'> = {
  infer({ inputs, attributes: { factor } }) {
    expectInputs('upsampleNearest', inputs, 1);
    const { shape } = expectInput('upsampleNearest', inputs, 0, 'f32', 4);
    return { shape: [shape[0]!, shape[1]!, multiplyDims(shape[2]!, factor), multiplyDims(shape[3]!, factor)], type: 'f32' };
  },

  evaluate({ inputs, attributes: { factor }, shape }) {
    const x = floats(inputs, 0);
    const [frames, channels, height, width] = shape as [number, number, number, number];
    const sourceWidth = width / factor;
    const y = new Float32Array(count(shape));
    for (let row = 0, at = 0; row < frames * channels * height; row++) {
      // height is a multiple of factor, so rows of all planes can be counted through
      const source = Math.floor(row / factor) * sourceWidth;
      for (let j = 0; j < width; j++, at++) y[at] = x[source + Math.floor(j / factor)]!;
    }
    return y;
  },
};
