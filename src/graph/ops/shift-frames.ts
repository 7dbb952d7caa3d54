import { equalDims, formatShape } from '../dims';
import { invalidGraph } from '../errors';
import { expectInput, expectInputs, floats, type OpDefinition } from './definition';

/** y[0] = memory[0], y[t] = x[t − 1]: each frame's predecessor. */
export const shiftFrames: OpDefinition<'shiftFrames'> = {
  infer({ inputs }) {
    expectInputs('shiftFrames', inputs, 2);
    const x = expectInput('shiftFrames', inputs, 0, 'f32', 4);
    const memory = expectInput('shiftFrames', inputs, 1, 'f32', 4);
    if (memory.shape[0] !== 1 || ![1, 2, 3].every((axis) => equalDims(x.shape[axis]!, memory.shape[axis]!)))
      throw invalidGraph(`shiftFrames takes a memory of one frame of ${formatShape(x.shape)}, not ${formatShape(memory.shape)}.`);
    return { shape: x.shape, type: 'f32' };
  },

  evaluate({ inputs }) {
    const x = floats(inputs, 0);
    const memory = floats(inputs, 1);
    const y = new Float32Array(x.length);
    if (x.length === 0) return y;
    y.set(memory);
    y.set(x.subarray(0, x.length - memory.length), memory.length);
    return y;
  },
};
