import { invalidGraph } from '../errors';
import { count, expectInput, expectInputs, expectWeight, weightData, type OpDefinition } from './definition';

/** y[…, :] = table[ids[…], :]. An id outside the table is refused. */
export const embedding: OpDefinition<'embedding'> = {
  infer({ inputs, weights }) {
    expectInputs('embedding', inputs, 1);
    const ids = expectInput('embedding', inputs, 0, 'i32');
    const table = expectWeight('embedding', weights, 'table', 2);
    return { shape: [...ids.shape, table[1]!], type: 'f32' };
  },

  evaluate({ inputs, weights, shape }) {
    const ids = inputs[0]!.data as Int32Array;
    const table = weightData(weights, 'table')!;
    const [rows, width] = weights.table!.shape as [number, number];
    const y = new Float32Array(count(shape));
    ids.forEach((id, i) => {
      if (id < 0 || id >= rows) throw invalidGraph(`The id ${id} is outside a table of ${rows} rows.`);
      y.set(table.subarray(id * width, (id + 1) * width), i * width);
    });
    return y;
  },
};
