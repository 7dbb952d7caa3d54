/** n values from `start` to `end`, both included; NumPy's arithmetic, since timesteps are truncated to whole numbers later. */
function linspace(start: number, end: number, n: number): number[] {
  const step = (end - start) / (n - 1);
  return Array.from({ length: n }, (_, i) => (i === 0 ? start : i === n - 1 ? end : i * step + start));
}

/** Moves noise levels towards 1, for more steps where the picture's layout is decided: σ' = shift σ / (1 + (shift − 1) σ). */
function shiftSigma(sigma: number, shift: number): number {
  return (shift * sigma) / (1 + (shift - 1) * sigma);
}

const TRAIN_STEPS = 1000;

/**
 * - `plain`: n + 1 values from 1 to 0, shifted once.
 * - `diffusers`: FlowMatchEulerDiscreteScheduler's, whose low end is shifted twice: n values down to
 *   shift(0.001), shifted again, then 0.
 */
export type EulerGrid = 'plain' | 'diffusers';

/** steps + 1 noise levels, the last one 0. */
export function eulerSigmas(steps: number, shift: number, grid: EulerGrid): number[] {
  const levels = grid === 'plain' ? linspace(1, 0, steps + 1).slice(0, steps) : linspace(1, shiftSigma(1 / TRAIN_STEPS, shift), steps);
  return [...levels.map((u) => shiftSigma(u, shift)), 0];
}

/**
 * - `diffusers`: UniPCMultistepScheduler(use_flow_sigmas) of diffusers 0.36 and on: from 1 towards 0.001.
 * - `wan`: Wan's own FlowUniPCMultistepScheduler (and diffusers before that): from 0.999 towards 0.
 */
export type UnipcGrid = 'diffusers' | 'wan';

/** steps + 1 noise levels, the last one 0. σ = 1 would put log((1 − σ)/σ) at minus infinity, so it becomes 1 − 1e-6. */
export function unipcSigmas(steps: number, shift: number, grid: UnipcGrid): number[] {
  const levels = grid === 'diffusers' ? linspace(1, 1 / TRAIN_STEPS, steps + 1) : linspace(1 - 1 / TRAIN_STEPS, 0, steps + 1);
  const sigmas = levels.slice(0, steps).map((u) => shiftSigma(u, shift));
  if (Math.abs(sigmas[0]! - 1) < 1e-6) sigmas[0]! -= 1e-6;
  return [...sigmas, 0];
}

/** The noise level of a 1000-step table under `shift` that lies nearest to a timestep. */
export function nearestSigma(timestep: number, shift: number): number {
  let best = 1;
  for (let k = TRAIN_STEPS; k > 0; k--) {
    const sigma = shiftSigma(k / TRAIN_STEPS, shift);
    if (Math.abs(sigma * TRAIN_STEPS - timestep) < Math.abs(best * TRAIN_STEPS - timestep)) best = sigma;
  }
  return best;
}

/** FastWan's three steps (FastVideo, configs/pipelines/wan.py), for the schedule shift that they were trained with. */
const FASTWAN = { timesteps: [1000, 757, 522], shift: 8 } as const;

/**
 * Timesteps of a DMD-distilled model: FastWan's where steps and shift are its own; otherwise evenly spaced ones, shifted, which
 * for 4 steps and shift 5 are Self-Forcing's (1000, 750, 500, 250 → 1000, 937.5, 833.3, 625).
 */
export function dmdTimesteps(steps: number, shift: number): number[] {
  if (steps === FASTWAN.timesteps.length && shift === FASTWAN.shift) return [...FASTWAN.timesteps];
  return warpTimesteps(
    Array.from({ length: steps }, (_, i) => TRAIN_STEPS * (1 - i / steps)),
    shift,
  );
}

/** Timesteps 0 to 1000 under a schedule shift. */
export function warpTimesteps(timesteps: readonly number[], shift: number): number[] {
  return timesteps.map((t) => TRAIN_STEPS * shiftSigma(t / TRAIN_STEPS, shift));
}

/** rCM's angles after the first (TurboDiffusion, inference/wan2.1_t2v_infer.py); the first is atan(σ_max). */
export const RCM_ANGLES = [1.5, 1.4, 1.0] as const;

/** steps + 1 noise levels from TrigFlow angles: σ = sin t / (cos t + sin t), then 0. */
export function rcmSigmas(steps: number, sigmaMax = 80): number[] {
  const angles = [Math.atan(sigmaMax), ...RCM_ANGLES.slice(0, steps - 1)];
  return [...angles.map((t) => Math.sin(t) / (Math.cos(t) + Math.sin(t))), 0];
}
