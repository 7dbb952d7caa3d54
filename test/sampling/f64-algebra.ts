import type { Algebra } from '../../src/sampling/apply-step';

/** Linear combinations in f64, keeping count of what has not been released. */
export class F64Algebra implements Algebra<Float64Array> {
  readonly live = new Set<Float64Array>();

  combine(terms: readonly { readonly tensor: Float64Array; readonly coefficient: number }[]): Promise<Float64Array> {
    const sum = terms[0]!.tensor.map((_, i) => terms.reduce((total, { tensor, coefficient }) => total + coefficient * tensor[i]!, 0));
    this.live.add(sum);
    return Promise.resolve(sum);
  }

  release(tensor: Float64Array): void {
    if (!this.live.delete(tensor)) throw new Error('Released twice, or not made here.');
  }
}
