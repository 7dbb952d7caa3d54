import { invalidGraph } from '../../graph/errors';
import { elementCount, formatShape } from '../../graph/dims';
import type { LatentColours } from '../../graph/executor';
import type { Gpu } from './gpu';
import { linearGroups } from './kernel';
import { runKernel } from './run-kernel';
import { GpuTensor } from './tensor';

const DEFECT = 'This is a defect in Kinora; please report it.';

/**
 * Frames [T, 3, H, W] in [0, 1] to I420 on the GPU: [T, words] of i32, the bytes of src/media/i420.ts's `planes`, each frame padded to whole
 * words. `new Uint8Array(data.buffer, 4 · words · t, H · W · 3 / 2)` of the downloaded tensor is frame t. Throws `invalid-graph` on odd sizes.
 */
export async function framesToI420(gpu: Gpu, frames: GpuTensor): Promise<GpuTensor> {
  const [count = 0, colours, height = 0, width = 0] = frames.shape;
  if (frames.shape.length !== 4 || colours !== 3 || height % 2 !== 0 || width % 2 !== 0 || frames.type !== 'f32')
    throw invalidGraph(`${formatShape(frames.shape)} are no frames that I420 can hold: [T, 3, H, W] with even sizes.`, DEFECT);
  const words = Math.ceil((height * width * 3) / 8);
  const result = new GpuTensor(gpu, [count, words], 'i32');
  return kept(result, () =>
    runKernel(gpu, {
      shader: 'rgb-to-i420',
      defines: {},
      params: [count, height, width, words],
      buffers: { 1: frames.buffer, 2: result.buffer },
      groups: linearGroups(count * words, 64),
    }),
  );
}

/**
 * Latents [C, T, h, w] to a picture of a pixel a latent pixel: [T, h, w] of i32, RGBA bytes, for `new Uint8ClampedArray(data.buffer)`. Within
 * one level of src/pipeline/preview.ts, which sums in f64. Throws `invalid-graph` when the map does not fit the channels.
 */
export async function latentsToPreview(gpu: Gpu, latents: GpuTensor, { matrix, bias }: LatentColours): Promise<GpuTensor> {
  const [channels = 0, ...rest] = latents.shape;
  if (rest.length !== 3 || matrix.length !== 3 || bias.length !== 3 || matrix.some((row) => row.length !== channels))
    throw invalidGraph(`The map to colours does not fit latents of ${formatShape(latents.shape)}.`, DEFECT);
  const map = Float32Array.from(matrix.flatMap((row, colour) => [...row, bias[colour]!]));
  const buffer = gpu.buffer(map.byteLength, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST, 'latent colours');
  try {
    gpu.device.queue.writeBuffer(buffer, 0, map);
    const result = new GpuTensor(gpu, rest, 'i32');
    const pixels = elementCount(rest);
    return await kept(result, () =>
      runKernel(gpu, {
        shader: 'latents-to-preview',
        defines: {},
        params: [channels, pixels],
        buffers: { 1: latents.buffer, 2: buffer, 3: result.buffer },
        groups: linearGroups(pixels, 64),
      }),
    );
  } finally {
    gpu.release(buffer);
  }
}

/** A tensor once its kernel has been submitted; disposed of when that failed. */
async function kept(tensor: GpuTensor, make: () => Promise<void>): Promise<GpuTensor> {
  try {
    await make();
    return tensor;
  } catch (error) {
    tensor.dispose();
    throw error;
  }
}
