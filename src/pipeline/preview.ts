import { KinoraError } from '../errors';
import type { DeviceTensor, Executor } from '../graph/executor';
import type { TensorScope } from './tensor-scope';
import type { Latents, PipelineConfig, PreviewFrames } from './types';

type LatentRgb = PipelineConfig['latentRgb'];

/** Throws `invalid-file` unless the model's map from latents to colours fits its channels. */
function checkColours({ matrix, bias }: LatentRgb, channels: number): void {
  if (matrix.length !== 3 || bias.length !== 3 || matrix.some((row) => row.length !== channels))
    throw new KinoraError(
      'invalid-file',
      `The model's map from latents to colours does not fit its ${channels} channels.`,
      'Fetch the model again from its publisher.',
    );
}

/** A picture of one pixel per latent pixel for every latent frame: rgb = matrix · latents + bias, in [0, 1]. */
export function previewFrames({ data, shape }: Latents, { matrix, bias }: LatentRgb): PreviewFrames {
  const [channels, frames, height, width] = shape;
  const size = height * width;
  checkColours({ matrix, bias }, channels);
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

/** A preview that is to be read back: its pixels where the executor makes them, else the latents that it is made from. */
export async function previewTensor(
  executor: Executor,
  scope: TensorScope,
  latents: DeviceTensor,
  colours: LatentRgb,
): Promise<DeviceTensor> {
  if (!executor.toPreview) return latents;
  checkColours(colours, latents.shape[0]!);
  return scope.own(await executor.toPreview(latents, colours));
}

/** The preview, from what `previewTensor` gave, copied out. */
export function readPreview(read: Float32Array | Int32Array, shape: Latents['shape'], colours: LatentRgb): PreviewFrames {
  if (read instanceof Float32Array) return previewFrames({ data: read, shape }, colours);
  const [, frames, height, width] = shape;
  const bytes = new Uint8ClampedArray(read.buffer as ArrayBuffer, read.byteOffset, read.byteLength);
  const size = 4 * height * width;
  return { width, height, frames: Array.from({ length: frames }, (_, frame) => bytes.slice(frame * size, (frame + 1) * size)) };
}
