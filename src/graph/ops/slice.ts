import { formatShape } from '../dims';
import { invalidGraph } from '../errors';
import type { Dim } from '../types';
import { count, expectInput, expectInputs, floats, type OpDefinition } from './definition';

/** As `end`: up to the end of the axis, as Python's x[start:]. The largest i32, which ONNX reads alike. */
export const TO_END = 2 ** 31 - 1;

/** y = x[start:end] on `axis`; negative positions count from the end, as in Python. The result is never empty. */
export const slice: OpDefinition<'slice'> = {
  infer({ inputs, attributes: { axis, start, end } }) {
    expectInputs('slice', inputs, 1);
    const x = expectInput('slice', inputs, 0);
    const dim = x.shape[axis];
    if (dim === undefined) throw invalidGraph(`slice has no axis ${axis} in ${formatShape(x.shape)}.`);
    const size = slicedDim(dim, start, end);
    if (size === undefined)
      throw invalidGraph(`slice cannot take ${start} to ${end === TO_END ? 'the end' : end} of axis ${axis} of ${formatShape(x.shape)}.`);
    return { shape: x.shape.with(axis, size), type: 'f32' };
  },

  evaluate({ inputs, attributes: { axis, start }, shape }) {
    const x = floats(inputs, 0);
    const size = inputs[0]!.shape[axis]!;
    const inner = count(shape.slice(axis + 1));
    const rows = count(shape.slice(0, axis));
    const first = start < 0 ? size + start : start;
    const width = shape[axis]! * inner;
    const y = new Float32Array(count(shape));
    for (let row = 0; row < rows; row++) {
      const from = (row * size + first) * inner;
      y.set(x.subarray(from, from + width), row * width);
    }
    return y;
  },
};

/** How much is left of a dimension, or undefined where nothing is or where it depends on a symbol. */
function slicedDim(dim: Dim, start: number, end: number): Dim | undefined {
  if (typeof dim === 'number') {
    if (start < -dim || start >= dim) return undefined;
    const first = start < 0 ? dim + start : start;
    const last = end === TO_END ? dim : end < 0 ? dim + end : end;
    return last > first && last <= dim ? last - first : undefined;
  }
  if (end === TO_END) return start === 0 ? dim : start < 0 ? -start : undefined;
  const fromOneSide = start < 0 === end < 0;
  return fromOneSide && end > start ? end - start : undefined;
}
