import type { Sampler } from './sampler';

/**
 * The sampler for a model whose output is not the velocity itself but is preconditioned (Karras et al. 2022, arXiv 2206.00364,
 * table 1, for x = (1 − σ) x0 + σ noise and x0 of standard deviation `sigmaData`): x0 = skip · x + scale · output, so
 * velocity = (1 − skip)/σ · x − scale/σ · output. Every step begins by working that out; the rest stays as it is.
 */
export function preconditioned(sampler: Sampler, sigmaData: number): Sampler {
  return {
    ...sampler,
    steps: sampler.steps.map((step) => {
      const { skip, scale } = preconditioning(step.sigma, sigmaData);
      const velocity = {
        target: 'velocity',
        terms: [['latents', (1 - skip) / step.sigma] as const, ['velocity', -scale / step.sigma] as const],
      };
      return { ...step, assignments: [velocity, ...step.assignments] };
    }),
  };
}

/** How x0 follows from the latents at noise level σ (0 < σ ≤ 1) and the network's output. */
export function preconditioning(sigma: number, sigmaData: number): { readonly skip: number; readonly scale: number } {
  const signal = (1 - sigma) * sigmaData;
  const power = signal ** 2 + sigma ** 2;
  return { skip: (signal * sigmaData) / power, scale: (sigma * sigmaData) / Math.sqrt(power) };
}
