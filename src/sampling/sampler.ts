/**
 * A sampler is data: for every step, which linear combinations of which tensors make the next latents. The
 * coefficients are f64, worked out on the host before the first step; applying them (apply-step.ts) is the
 * executor's. So a loop never leaves the device, and any sampler can be checked in f64.
 *
 * Convention (flow matching, as Wan): x_σ = (1 − σ) x0 + σ noise; the model predicts v = noise − x0; x0 = x − σ v.
 */
export interface Sampler {
  /** steps + 1 noise levels, from the highest down to 0. */
  readonly sigmas: readonly number[];
  /** The start noise times this is the first `latents`. */
  readonly startScale: number;
  readonly steps: readonly SamplerStep[];
}

export interface SamplerStep {
  /** Noise level before and after this step. */
  readonly sigma: number;
  readonly nextSigma: number;
  /** What the model is given, 0 to 1000. */
  readonly timestep: number;
  /** Whether the step needs fresh noise, under the name `noise`. */
  readonly freshNoise: boolean;
  /**
   * In order. Values at hand: `latents`, `velocity`, `noise` where fresh noise is needed, what the step before carried, and
   * the targets so far. Every step makes `denoised` (the x0 estimate).
   */
  readonly assignments: readonly Assignment[];
  /** What outlives the step: new name → value. Always has `latents`; the rest is a multistep sampler's history. */
  readonly carry: Readonly<Record<string, string>>;
}

export interface Assignment {
  readonly target: string;
  /** target = Σ coefficient · value, summed in this order. */
  readonly terms: readonly (readonly [value: string, coefficient: number])[];
}

/** How many values a sampler carries from one step to the next at most, the latents among them. */
export function mostCarried({ steps }: Sampler): number {
  return Math.max(1, ...steps.map(({ carry }) => Object.keys(carry).length));
}
