import { equalDims, formatShape } from '../dims';
import { invalidGraph } from '../errors';
import type { OpName, Shape } from '../types';

/** Checks that `vector` [F|1, 1, D] can modulate `x` [F, S, D]. */
export function expectModulation(op: OpName, x: Shape, vector: Shape): void {
  const fits =
    x.length === 3 &&
    vector.length === 3 &&
    (vector[0] === 1 || equalDims(vector[0]!, x[0]!)) &&
    vector[1] === 1 &&
    equalDims(vector[2]!, x[2]!);
  if (!fits) throw invalidGraph(`${op} takes [F, S, D] with vectors of [F or 1, 1, D], not ${formatShape(x)} with ${formatShape(vector)}.`);
}

/** Where the vector for frame `f` starts: vectors of a single frame serve all. */
export function vectorOffset(vectorShape: readonly number[], frame: number): number {
  return vectorShape[0] === 1 ? 0 : frame * vectorShape[2]!;
}
