import { formatShape } from '../dims';
import { invalidGraph } from '../errors';
import { advance } from './broadcast';
import { count, expectInput, expectInputs, floats, type OpDefinition } from './definition';

/** Axis i of the result is axis permutation[i] of the input, as numpy.transpose. */
export const transpose: OpDefinition<'transpose'> = {
  infer({ inputs, attributes: { permutation } }) {
    expectInputs('transpose', inputs, 1);
    const x = expectInput('transpose', inputs, 0);
    if (permutation.length !== x.shape.length || [...permutation].sort((a, b) => a - b).some((axis, i) => axis !== i))
      throw invalidGraph(`transpose cannot order ${formatShape(x.shape)} by ${formatShape(permutation)}.`);
    return { shape: permutation.map((axis) => x.shape[axis]!), type: 'f32' };
  },

  evaluate({ inputs, attributes: { permutation }, shape }) {
    const x = floats(inputs, 0);
    const from = inputs[0]!.shape;
    const strides = permutation.map((axis) => count(from.slice(axis + 1)));
    const y = new Float32Array(count(shape));
    const index = new Array<number>(shape.length).fill(0);
    for (let at = 0; at < y.length; at++) {
      let source = 0;
      for (let axis = 0; axis < shape.length; axis++) source += index[axis]! * strides[axis]!;
      y[at] = x[source]!;
      advance(index, shape, shape.length - 1);
    }
    return y;
  },
};
