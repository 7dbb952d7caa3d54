import type { Assignment, Sampler, SamplerStep } from './sampler';
import { unipcSigmas, type UnipcGrid } from './schedules';

type Terms = Assignment['terms'];

const MAX_ORDER = 2;

/**
 * UniPC (Zhao et al. 2023, arXiv 2302.04867) in its bh2 variant, order 2, on x0 estimates, with the corrector
 * after every step but the first and first order for the last: diffusers' UniPCMultistepScheduler with flow sigmas. Timesteps are
 * truncated to whole numbers, as there.
 *
 * `denoised1`, `denoised2`: x0 estimates one and two steps back; `corrected1`: the corrected latents that the last
 * prediction started from.
 */
export function unipcSampler(steps: number, shift: number, grid: UnipcGrid, startStep: number, history: readonly string[]): Sampler {
  const sigmas = unipcSigmas(steps, shift, grid);
  // How many estimates a step can look back on: none at the start, unless a stopped run left them.
  const remembered = history.includes('corrected1') ? (history.includes('denoised2') ? 2 : history.includes('denoised1') ? 1 : 0) : 0;
  const reach = (step: number): number => (step <= 0 ? 0 : Math.min(step, step - startStep + remembered, MAX_ORDER));
  const orderOf = (step: number): number => Math.min(MAX_ORDER, steps - step, reach(step) + 1);
  return {
    sigmas,
    startScale: 1,
    steps: Array.from({ length: steps }, (_, i) => unipcStep(sigmas, i, reach(i), orderOf(i - 1), orderOf(i))),
  };
}

function unipcStep(sigmas: readonly number[], i: number, reach: number, lastOrder: number, order: number): SamplerStep {
  const assignments: Assignment[] = [
    {
      target: 'denoised',
      terms: [
        ['latents', 1],
        ['velocity', -sigmas[i]!],
      ],
    },
  ];
  const corrects = reach > 0;
  if (corrects) {
    const previous: Estimate[] = [{ name: 'denoised1', sigma: sigmas[i - 1]! }];
    if (lastOrder === 2 && reach > 1) previous.push({ name: 'denoised2', sigma: sigmas[i - 2]! });
    assignments.push({ target: 'corrected', terms: correctorTerms(sigmas[i]!, previous) });
  }
  const from = corrects ? 'corrected' : 'latents';
  const estimates: Estimate[] = [{ name: 'denoised', sigma: sigmas[i]! }];
  if (order === 2) estimates.push({ name: 'denoised1', sigma: sigmas[i - 1]! });
  assignments.push({ target: 'next', terms: predictorTerms(from, sigmas[i + 1]!, estimates) });
  return {
    sigma: sigmas[i]!,
    nextSigma: sigmas[i + 1]!,
    timestep: Math.trunc(1000 * sigmas[i]!),
    freshNoise: false,
    assignments,
    carry: { latents: 'next', denoised1: 'denoised', corrected1: from, ...(corrects ? { denoised2: 'denoised1' } : {}) },
  };
}

interface Estimate {
  readonly name: string;
  readonly sigma: number;
}

/** log of the signal-to-noise ratio's root: λ = log((1 − σ) / σ). */
function lambda(sigma: number): number {
  return Math.log(1 - sigma) - Math.log(sigma);
}

interface Interval {
  /** λ(target) − λ(from); infinite where the target is clean. */
  readonly h: number;
  /** e^−h − 1, which is also bh2's B(h). */
  readonly phi1: number;
}

function interval(from: number, to: number): Interval {
  const h = lambda(to) - lambda(from);
  return { h, phi1: Math.expm1(-h) };
}

/** x_t = σ_t/σ_s · x − (1 − σ_t) φ₁ (m₀ + ½ D₁), D₁ = (m₁ − m₀) / r₁; without D₁ at first order. */
function predictorTerms(from: string, target: number, estimates: readonly Estimate[]): Terms {
  const [now, before] = estimates as [Estimate, Estimate?];
  const { h, phi1 } = interval(now.sigma, target);
  const weight = -(1 - target) * phi1;
  const scaled: Terms[number] = [from, target / now.sigma];
  if (!before) return [scaled, [now.name, weight]];
  const half = 0.5 / ((lambda(before.sigma) - lambda(now.sigma)) / h);
  return [scaled, [now.name, weight * (1 - half)], [before.name, weight * half]];
}

/** As the predictor, from the step before, with the new estimate m_t: m₀ + ρ₁ D₁ + ρ_t (m_t − m₀), and ρ_t = ½ at first order. */
function correctorTerms(target: number, estimates: readonly Estimate[]): Terms {
  const [now, before] = estimates as [Estimate, Estimate?];
  const { h, phi1 } = interval(now.sigma, target);
  const weight = -(1 - target) * phi1;
  const scaled: Terms[number] = ['corrected1', target / now.sigma];
  if (!before) return [scaled, [now.name, weight * 0.5], ['denoised', weight * 0.5]];
  // ρ₁ + ρ_t = b₁ and r ρ₁ + ρ_t = b₂, where b_k = k! φ_{k+1}(−h) / B(h)
  const r = (lambda(before.sigma) - lambda(now.sigma)) / h;
  const phi2 = phi1 / -h - 1;
  const phi3 = phi2 / -h - 0.5;
  const [b1, b2] = [phi2 / phi1, (2 * phi3) / phi1];
  const rho1 = (b2 - b1) / (r - 1);
  const rhoT = b1 - rho1;
  const d1 = rho1 / r;
  return [scaled, [now.name, weight * (1 - d1 - rhoT)], [before.name, weight * d1], ['denoised', weight * rhoT]];
}
