import type { Sampler } from './sampler';
import { eulerSigmas, type EulerGrid } from './schedules';

/** Flow-matching Euler: x ← x + (σ' − σ) v. */
export function eulerSampler(steps: number, shift: number, grid: EulerGrid): Sampler {
  const sigmas = eulerSigmas(steps, shift, grid);
  return {
    sigmas,
    startScale: 1,
    steps: Array.from({ length: steps }, (_, i) => {
      const [sigma, nextSigma] = [sigmas[i]!, sigmas[i + 1]!];
      return {
        sigma,
        nextSigma,
        timestep: 1000 * sigma,
        freshNoise: false,
        assignments: [
          {
            target: 'denoised',
            terms: [
              ['latents', 1],
              ['velocity', -sigma],
            ],
          },
          {
            target: 'next',
            terms: [
              ['latents', 1],
              ['velocity', nextSigma - sigma],
            ],
          },
        ],
        carry: { latents: 'next' },
      };
    }),
  };
}
