import { KinoraError } from '../errors';
import type { Latents, PipelineConfig, PreviewFrames } from './types';

/** A picture of one pixel per latent pixel for every latent frame: rgb = matrix · latents + bias, in [0, 1]. */
export function previewFrames({ data, shape }: Latents, { matrix, bias }: PipelineConfig['latentRgb']): PreviewFrames {
  const [channels, frames, height, width] = shape;
  const size = height * width;
  if (matrix.length !== 3 || bias.length !== 3 || matrix.some((row) => row.length !== channels))
    throw new KinoraError(
      'invalid-file',
      `The model's map from latents to colours does not fit its ${channels} channels.`,
      'Fetch the model again from its publisher.',
    );
  return {
    width,
    height,
    frames: Array.from({ length: frames }, (_, frame) => {
      const rgba = new Uint8ClampedArray(size * 4).fill(255);
      for (let i = 0; i < size; i++)
        for (let colour = 0; colour < 3; colour++) {
          let value = bias[colour]!;
          for (let c = 0; c < channels; c++) value += matrix[colour]![c]! * data[(c * frames + frame) * size + i]!;
          rgba[4 * i + colour] = 255 * value;
        }
      return rgba;
    }),
  };
}
