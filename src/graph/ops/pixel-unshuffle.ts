import { divideDims, formatShape } from '../dims';
import { invalidGraph } from '../errors';
import { count, expectInput, expectInputs, fixedDim, floats, type OpDefinition } from './definition';

/** y[t, (c·r + a)·r + b, i, j] = x[t, c, r·i + a, r·j + b], as torch.nn.PixelUnshuffle. */
export const pixelUnshuffle: OpDefinition<'pixelUnshuffle'> = {
  infer({ inputs, attributes: { factor } }) {
    expectInputs('pixelUnshuffle', inputs, 1);
    const x = expectInput('pixelUnshuffle', inputs, 0, 'f32', 4);
    const height = divideDims(x.shape[2]!, factor);
    const width = divideDims(x.shape[3]!, factor);
    if (height === undefined || width === undefined)
      throw invalidGraph(`pixelUnshuffle by ${factor} cannot divide ${formatShape(x.shape)}.`);
    return { shape: [x.shape[0]!, fixedDim('pixelUnshuffle', x, 1) * factor ** 2, height, width], type: 'f32' };
  },

  evaluate({ inputs, attributes: { factor }, shape }) {
    const x = floats(inputs, 0);
    const [frames, channels, rows, columns] = shape as [number, number, number, number];
    const width = columns * factor;
    const y = new Float32Array(count(shape));
    for (let channel = 0, at = 0; channel < frames * channels; channel++) {
      const b = channel % factor;
      const a = Math.floor(channel / factor) % factor;
      const plane = Math.floor(channel / factor ** 2);
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++, at++) y[at] = x[(plane * rows * factor + i * factor + a) * width + j * factor + b]!;
    }
    return y;
  },
};
