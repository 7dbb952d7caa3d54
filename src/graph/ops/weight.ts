import { expectInputs, expectWeight, weightData, type OpDefinition } from './definition';

/** A weight as a value: `scale_shift_table` and other tables that take part in arithmetic. */
export const weight: OpDefinition<'weight'> = {
  infer({ inputs, weights }) {
    expectInputs('weight', inputs, 0);
    return { shape: expectWeight('weight', weights, 'weight'), type: 'f32' };
  },
  evaluate: ({ weights }) => weightData(weights, 'weight')!.slice(),
};
