import { KinoraError } from '../errors';
import type { Sampler } from './sampler';
import { dmdTimesteps, nearestSigma, RCM_ANGLES, rcmSigmas } from './schedules';

/**
 * Distribution-matching distillation (FastWan, Self-Forcing): x0 estimate, then fresh noise at the next level;
 * the last step returns x0. Starts from pure noise.
 */
export function dmdSampler(steps: number, shift: number): Sampler {
  return dmdSamplerAt(dmdTimesteps(steps, shift), shift);
}

/** The same with given timesteps: the model gets them as they are, σ is the nearest level of the shifted 1000-step table. */
export function dmdSamplerAt(timesteps: readonly number[], shift: number): Sampler {
  return renoisingSampler([...timesteps.map((t) => nearestSigma(t, shift)), 0], timesteps, 1);
}

/**
 * rCM (score-regularised consistency models; TurboDiffusion's few-step Wan): as DMD, on TrigFlow's levels, from noise · σ₀.
 * Throws `invalid-spec` above 4 steps, for which no levels were published.
 */
export function rcmSampler(steps: number, sigmaMax?: number): Sampler {
  const most = RCM_ANGLES.length + 1;
  if (steps > most)
    throw new KinoraError(
      'invalid-spec',
      `The rCM sampler has no schedule for ${steps} steps.`,
      `Use 1 to ${most} steps, or another sampler.`,
    );
  const sigmas = rcmSigmas(steps, sigmaMax);
  return renoisingSampler(
    sigmas,
    sigmas.slice(0, steps).map((sigma) => 1000 * sigma),
    sigmas[0]!,
  );
}

/** x ← (1 − σ') (x − σ v) + σ' · fresh noise. */
function renoisingSampler(sigmas: readonly number[], timesteps: readonly number[], startScale: number): Sampler {
  return {
    sigmas,
    startScale,
    steps: timesteps.map((timestep, i) => {
      const [sigma, nextSigma] = [sigmas[i]!, sigmas[i + 1]!];
      const freshNoise = nextSigma > 0;
      return {
        sigma,
        nextSigma,
        timestep,
        freshNoise,
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
            terms: freshNoise
              ? [
                  ['denoised', 1 - nextSigma],
                  ['noise', nextSigma],
                ]
              : [['denoised', 1]],
          },
        ],
        carry: { latents: 'next' },
      };
    }),
  };
}
