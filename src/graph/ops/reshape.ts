import { elementCount, equalDims, formatShape } from '../dims';
import { invalidGraph } from '../errors';
import { expectInput, expectInputs, floats, type OpDefinition } from './definition';

/** The same elements in another shape. */
export const reshape: OpDefinition<'reshape'> = {
  infer({ inputs, attributes: { shape } }) {
    expectInputs('reshape', inputs, 1);
    const x = expectInput('reshape', inputs, 0);
    if (!equalDims(elementCount(x.shape), elementCount(shape)))
      throw invalidGraph(`reshape cannot make ${formatShape(shape)} of ${formatShape(x.shape)}.`);
    // ONNX's Reshape takes numbers, 0 (copy this axis) and a single −1 (work it out).
    const open = shape.filter((dim, axis) => typeof dim === 'string' && !(axis < x.shape.length && equalDims(dim, x.shape[axis]!)));
    if (open.length > 1)
      throw invalidGraph(`reshape of ${formatShape(x.shape)} to ${formatShape(shape)} leaves ${open.join(' and ')} open; only one may be.`);
    return { shape, type: 'f32' };
  },
  evaluate: ({ inputs }) => floats(inputs, 0).slice(),
};
