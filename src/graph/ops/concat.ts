import { equalDims, formatShape } from '../dims';
import { invalidGraph } from '../errors';
import { count, expectInput, expectInputs, fixedDim, floats, type OpDefinition } from './definition';

/** The inputs side by side on `axis`, whose sizes must be known numbers. */
export const concat: OpDefinition<'concat'> = {
  infer({ inputs, attributes: { axis } }) {
    expectInputs('concat', inputs, 1, Infinity);
    const first = expectInput('concat', inputs, 0);
    if (!Number.isInteger(axis) || axis < 0 || axis >= first.shape.length)
      throw invalidGraph(`concat has no axis ${axis} in ${formatShape(first.shape)}.`);
    let size = 0;
    inputs.forEach((_, index) => {
      const input = expectInput('concat', inputs, index, 'f32', first.shape.length);
      if (!input.shape.every((dim, i) => i === axis || equalDims(dim, first.shape[i]!)))
        throw invalidGraph(`concat on axis ${axis} cannot join ${formatShape(first.shape)} with ${formatShape(input.shape)}.`);
      size += fixedDim('concat', input, axis);
    });
    return { shape: first.shape.with(axis, size), type: 'f32' };
  },

  evaluate({ inputs, attributes: { axis }, shape }) {
    const y = new Float32Array(count(shape));
    const rows = count(shape.slice(0, axis));
    const step = count(shape.slice(axis));
    let offset = 0;
    inputs.forEach((input, index) => {
      const x = floats(inputs, index);
      const width = count(input.shape.slice(axis));
      for (let row = 0; row < rows; row++) y.set(x.subarray(row * width, (row + 1) * width), row * step + offset);
      offset += width;
    });
    return y;
  },
};
