import { formatShape, multiplyDims } from '../dims';
import { invalidGraph } from '../errors';
import { count, expectInput, expectInputs, fixedDim, floats, type OpDefinition } from './definition';

/** y[t, c, r·i + a, r·j + b] = x[t, (c·r + a)·r + b, i, j], as torch.nn.PixelShuffle. */
export const pixelShuffle: OpDefinition<'pixelShuffle'> = {
  infer({ inputs, attributes: { factor } }) {
    expectInputs('pixelShuffle', inputs, 1);
    const x = expectInput('pixelShuffle', inputs, 0, 'f32', 4);
    const channels = fixedDim('pixelShuffle', x, 1) / factor ** 2;
    if (!Number.isInteger(channels)) throw invalidGraph(`pixelShuffle by ${factor} cannot split the channels of ${formatShape(x.shape)}.`);
    return { shape: [x.shape[0]!, channels, multiplyDims(x.shape[2]!, factor), multiplyDims(x.shape[3]!, factor)], type: 'f32' };
  },

  evaluate({ inputs, attributes: { factor }, shape }) {
    const x = floats(inputs, 0);
    const [frames, channels, height, width] = shape as [number, number, number, number];
    const rows = height / factor;
    const columns = width / factor;
    const y = new Float32Array(count(shape));
    for (let plane = 0, at = 0; plane < frames * channels; plane++)
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++, at++) {
          const channel = (plane * factor + (i % factor)) * factor + (j % factor);
          y[at] = x[(channel * rows + Math.floor(i / factor)) * columns + Math.floor(j / factor)]!;
        }
    return y;
  },
};
