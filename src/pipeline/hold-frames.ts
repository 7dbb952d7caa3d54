import type { DeviceTensor, Executor } from '../graph/executor';
import type { Algebra } from '../sampling/apply-step';

/** Frames that are given, on the executor. */
export interface HeldFrames {
  readonly latents: DeviceTensor;
  readonly mask: readonly boolean[];
  /** The clip's start noise, for models with one timestep for all frames; null where frames can sit at noise level 0. */
  readonly noise: DeviceTensor | null;
}

/**
 * Puts the given frames back into latents at a noise level: as they are, or, for a model with one timestep for all frames, noised to
 * `sigma` with the clip's own start noise (RePaint's way, Lugmayr et al. 2022). Inputs stay where they are.
 */
export async function holdFrames(
  executor: Executor,
  algebra: Algebra<DeviceTensor>,
  { latents, mask, noise }: HeldFrames,
  free: DeviceTensor,
  sigma: number,
): Promise<DeviceTensor> {
  if (!noise || sigma === 0) return executor.selectFrames(free, latents, mask);
  const noised = await algebra.combine([
    { tensor: latents, coefficient: 1 - sigma },
    { tensor: noise, coefficient: sigma },
  ]);
  try {
    return await executor.selectFrames(free, noised, mask);
  } finally {
    algebra.release(noised);
  }
}
