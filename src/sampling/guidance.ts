import type { Algebra } from './apply-step';

/** Classifier-free guidance (Ho and Salimans 2022): v = uncond + scale · (cond − uncond). Inputs stay the caller's. */
export function guide<T>(algebra: Algebra<T>, cond: T, uncond: T, scale: number): Promise<T> {
  return algebra.combine([
    { tensor: uncond, coefficient: 1 - scale },
    { tensor: cond, coefficient: scale },
  ]);
}
