import { KinoraError } from '../errors';
import type { SamplerStep } from './sampler';

/** Linear combinations over tensors of some kind: an executor's, or f64 arrays in a test. */
export interface Algebra<T> {
  combine(terms: readonly { readonly tensor: T; readonly coefficient: number }[]): Promise<T>;
  release(tensor: T): void;
}

/** Releases every tensor that is not among those to keep, each once. */
export function releaseExcept<T>(algebra: Algebra<T>, tensors: Iterable<T>, keep: Iterable<T>): void {
  const kept = new Set(keep);
  for (const tensor of new Set(tensors)) if (!kept.has(tensor)) algebra.release(tensor);
}

export interface AppliedStep<T> {
  /** Values that outlive the step, by name; `latents` among them. */
  readonly state: ReadonlyMap<string, T>;
  /** The x0 estimate; the caller's to release, unless `state` holds it too. */
  readonly denoised: T;
}

/**
 * Takes one step: from `state` (`latents` and a history), the model's `velocity`, and fresh `noise` where the step asks for it.
 * Inputs stay the caller's; what `state` shares with the result is the same tensor.
 */
export async function applyStep<T>(
  algebra: Algebra<T>,
  step: SamplerStep,
  state: ReadonlyMap<string, T>,
  velocity: T,
  noise?: T,
): Promise<AppliedStep<T>> {
  const values = new Map(state).set('velocity', velocity);
  if (noise !== undefined) values.set('noise', noise);
  const made: T[] = [];
  const valueOf = (name: string): T => {
    const value = values.get(name);
    if (value === undefined)
      throw new KinoraError('internal', `A sampler step needs "${name}", which is not there.`, 'Report this as a defect.');
    return value;
  };
  try {
    for (const { target, terms } of step.assignments) {
      const tensor = await algebra.combine(terms.map(([name, coefficient]) => ({ tensor: valueOf(name), coefficient })));
      made.push(tensor);
      values.set(target, tensor);
    }
    const next = new Map(Object.entries(step.carry).map(([name, value]) => [name, valueOf(value)]));
    const denoised = valueOf('denoised');
    releaseExcept(algebra, made, [denoised, ...next.values()]);
    return { state: next, denoised };
  } catch (error) {
    releaseExcept(algebra, made, []);
    throw error;
  }
}
