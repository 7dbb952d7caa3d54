import type { OpAttributes, OpName } from '../types';
import { expectInput, expectInputs, floats, type OpDefinition } from './definition';

/** An elementwise op of one input; `prepare` turns the attributes into the function, evaluated in f64. */
export function unaryOp<Op extends OpName>(op: Op, prepare: (attributes: OpAttributes[Op]) => (x: number) => number): OpDefinition<Op> {
  return {
    infer({ inputs }) {
      expectInputs(op, inputs, 1);
      return { shape: expectInput(op, inputs, 0).shape, type: 'f32' };
    },
    evaluate({ inputs, attributes }) {
      const x = floats(inputs, 0);
      const f = prepare(attributes);
      const y = new Float32Array(x.length);
      for (let i = 0; i < x.length; i++) y[i] = f(x[i]!);
      return y;
    },
  };
}
