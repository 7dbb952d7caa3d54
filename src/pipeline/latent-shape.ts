import { KinoraError } from '../errors';
import { spatialFactor, temporalFactor, type TaewLayout } from '../networks/taew-layout';
import type { DenoiseSpec, Latents } from './types';

/** Latents [C, T, H, W] of a clip. Throws `invalid-spec`, naming the nearest sizes, for clips that autoencoder and patches can't make. */
export function latentShape(
  { width, height, frames }: Pick<DenoiseSpec, 'width' | 'height' | 'frames'>,
  layout: TaewLayout,
  patch: number,
): Latents['shape'] {
  const scale = spatialFactor(layout);
  for (const [name, size] of Object.entries({ width, height }))
    checkMultiple(size, scale * patch, 0, (nearest) => `A ${name} of ${size} pixels does not fit this model; ${nearest} would.`);
  const factor = temporalFactor(layout);
  checkMultiple(frames, factor, 1, (nearest) => `This model can't make ${frames} frames; it can make ${nearest}.`);
  return [layout.latentChannels, (frames - 1) / factor + 1, height / scale, width / scale];
}

/** Allowed are positive values `multiple`·n + `rest`. */
function checkMultiple(value: number, multiple: number, rest: number, message: (nearest: string) => string): void {
  if (Number.isSafeInteger(value) && value > 0 && (value - rest) % multiple === 0) return;
  const least = rest || multiple;
  const below = Math.max(least, Math.floor((value - rest) / multiple) * multiple + rest);
  const nearest = Number.isFinite(value) && value > least ? `${below} or ${below + multiple}` : `${least}`;
  throw new KinoraError('invalid-spec', message(nearest), rest ? `Use ${multiple}n + ${rest}.` : `Use a multiple of ${multiple}.`);
}
