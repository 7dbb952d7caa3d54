import { divideDims, equalDims, formatShape, multiplyDims } from '../dims';
import { invalidGraph } from '../errors';
import { count, expectInput, expectInputs, floats, lastDim, type OpDefinition } from './definition';

/**
 * Puts tokens [F, S, p²·C] back into [C, T, H, W], the sizes of `like`:
 * y[c, t, p·i + a, p·j + b] = x[token(t, i, j), (a·p + b)·C + c]. Features are in (row, column, channel)
 * order: not patchify's.
 */
export const unpatchify: OpDefinition<'unpatchify'> = {
  infer({ inputs, attributes: { patch } }) {
    expectInputs('unpatchify', inputs, 2);
    const x = expectInput('unpatchify', inputs, 0, 'f32', 3);
    const like = expectInput('unpatchify', inputs, 1, 'f32', 4);
    const channels = lastDim('unpatchify', x) / patch ** 2;
    const rows = divideDims(like.shape[2]!, patch);
    const columns = divideDims(like.shape[3]!, patch);
    if (rows === undefined || columns === undefined || !Number.isInteger(channels))
      throw invalidGraph(`unpatchify cannot make ${formatShape(like.shape)} of patches of ${patch} × ${patch} in ${formatShape(x.shape)}.`);
    const tokens = multiplyDims(x.shape[0]!, x.shape[1]!);
    const wanted = multiplyDims(like.shape[1]!, rows, columns);
    // In a segment of its own the token count is a symbol of its own; it is checked when the graph runs.
    const known = sameSymbols(tokens, wanted);
    if (known && !equalDims(tokens, wanted))
      throw invalidGraph(`unpatchify takes ${wanted} tokens for ${formatShape(like.shape)}, not ${tokens}.`);
    return { shape: [channels, like.shape[1]!, like.shape[2]!, like.shape[3]!], type: 'f32' };
  },

  evaluate({ inputs, attributes: { patch }, shape }) {
    const x = floats(inputs, 0);
    const [channels, frames, height, width] = shape as [number, number, number, number];
    const y = new Float32Array(count(shape));
    let at = 0;
    for (let t = 0; t < frames; t++)
      for (let i = 0; i < height; i += patch)
        for (let j = 0; j < width; j += patch)
          for (let a = 0; a < patch; a++)
            for (let b = 0; b < patch; b++)
              for (let c = 0; c < channels; c++) y[((c * frames + t) * height + i + a) * width + j + b] = x[at++]!;
    return y;
  },
};

/** Whether two dimensions are products of the same symbols, so that their sizes can be compared before a run. */
function sameSymbols(a: string | number, b: string | number): boolean {
  const symbols = (dim: string | number) => String(dim).replace(/\d+\*?/g, '');
  return symbols(a) === symbols(b);
}
