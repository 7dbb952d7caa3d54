import type { DeviceTensor, Executor } from '../graph/executor';
import type { TensorScope } from './tensor-scope';

/** Frames that are given, on the executor. */
export interface HeldFrames {
  readonly latents: DeviceTensor;
  readonly mask: readonly boolean[];
  /** The clip's start noise, for models with one timestep for all frames; null where frames can sit at noise level 0. */
  readonly noise: DeviceTensor | null;
}

/**
 * Latents with the given frames put back: as they are, or, for a model with one timestep for all, noised to `sigma`
 * with the clip's own start noise (RePaint's way, Lugmayr et al. 2022). The input stays in the scope.
 */
export async function holdFrames(
  executor: Executor,
  scope: TensorScope,
  { latents, mask, noise }: HeldFrames,
  free: DeviceTensor,
  sigma: number,
): Promise<DeviceTensor> {
  if (!noise || sigma === 0) return scope.own(await executor.selectFrames(free, latents, mask));
  const noised = scope.own(
    await executor.combine([
      { tensor: latents, coefficient: 1 - sigma },
      { tensor: noise, coefficient: sigma },
    ]),
  );
  const held = scope.own(await executor.selectFrames(free, noised, mask));
  scope.release([noised]);
  return held;
}
