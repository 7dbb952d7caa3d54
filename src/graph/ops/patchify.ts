import { divideDims, formatShape, multiplyDims } from '../dims';
import { invalidGraph } from '../errors';
import { count, expectInput, expectInputs, fixedDim, floats, type OpDefinition } from './definition';

/**
 * Cuts latents [C, T, H, W] into patches of 1 × p × p: tokens [T, S, C·p²], or [1, T·S, C·p²] when `merged`.
 * y[t, i·W/p + j, (c·p + a)·p + b] = x[c, t, p·i + a, p·j + b]; features are in the order of a convolution's weight.
 */
export const patchify: OpDefinition<'patchify'> = {
  infer({ inputs, attributes: { patch, merged } }) {
    expectInputs('patchify', inputs, 1);
    const x = expectInput('patchify', inputs, 0, 'f32', 4);
    const rows = divideDims(x.shape[2]!, patch);
    const columns = divideDims(x.shape[3]!, patch);
    if (rows === undefined || columns === undefined)
      throw invalidGraph(`patchify cannot cut ${formatShape(x.shape)} into patches of ${patch} × ${patch}.`);
    const features = fixedDim('patchify', x, 0) * patch ** 2;
    const tokens = multiplyDims(rows, columns);
    return { shape: merged ? [1, multiplyDims(x.shape[1]!, tokens), features] : [x.shape[1]!, tokens, features], type: 'f32' };
  },

  evaluate({ inputs, attributes: { patch }, shape }) {
    const x = floats(inputs, 0);
    const [channels, frames, height, width] = inputs[0]!.shape as [number, number, number, number];
    const y = new Float32Array(count(shape));
    let at = 0;
    for (let t = 0; t < frames; t++)
      for (let i = 0; i < height; i += patch)
        for (let j = 0; j < width; j += patch)
          for (let c = 0; c < channels; c++)
            for (let a = 0; a < patch; a++)
              for (let b = 0; b < patch; b++) y[at++] = x[((c * frames + t) * height + i + a) * width + j + b]!;
    return y;
  },
};
