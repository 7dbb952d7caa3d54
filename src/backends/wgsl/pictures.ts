import { invalidGraph } from '../../graph/errors';
import { elementCount, formatShape } from '../../graph/dims';
import type { LatentColours } from '../../graph/executor';
import type { Gpu } from './gpu';
import { overLimit } from './errors';
import { linearGroups, OFFSET_ALIGNMENT } from './kernel';
import { largestFitting, rangesOf, type Range } from './ranges';
import { runKernel, type Part } from './run-kernel';
import { GpuTensor } from './tensor';
import { stretchFor, windowBytes } from './window';

const DEFECT = 'This is a defect in Kinora; please report it.';

/**
 * Frames [T, 3, H, W] in [0, 1] to I420 on the GPU: [T, words] of i32, the bytes of src/media/i420.ts's `planes`, each frame padded to whole
 * words. `new Uint8Array(data.buffer, 4 · words · t, H · W · 3 / 2)` of the downloaded tensor is frame t. Throws `invalid-graph` on odd sizes.
 */
export async function framesToI420(gpu: Gpu, frames: GpuTensor): Promise<GpuTensor> {
  const [count = 0, colours, height = 0, width = 0] = frames.shape;
  if (frames.shape.length !== 4 || colours !== 3 || height % 2 !== 0 || width % 2 !== 0 || frames.type !== 'f32')
    throw invalidGraph(`${formatShape(frames.shape)} are no frames that I420 can hold: [T, 3, H, W] with even sizes.`, DEFECT);
  const words = wordsOf(height, width);
  const ranges = i420Parts({ count, height, width }, gpu.bindingBytes);
  const result = new GpuTensor(gpu, [count, words], 'i32');
  const parts = ranges.map(({ frame, rows, word }): Part => {
    const plane = height * width;
    const colours = [0, 1, 2].map((colour) =>
      stretchFor(
        (3 * frame.first + colour) * plane + rows.first * width,
        (3 * (frame.first + frame.count - 1) + colour) * plane + (rows.first + rows.count) * width,
      ),
    );
    const y = stretchFor(word.first, word.first + word.count);
    return {
      params: [
        height,
        width,
        words,
        word.first,
        word.first + word.count,
        rows.first,
        rows.first + rows.count,
        ...[...colours, y].map(({ offset }) => offset / 4),
      ],
      buffers: {
        ...Object.fromEntries(colours.map((stretch, colour) => [colour + 1, { buffer: frames.buffer, ...stretch }])),
        4: { buffer: result.buffer, ...y },
      },
      groups: linearGroups(word.count, 64),
    };
  });
  return kept(result, () => runKernel(gpu, { shader: 'rgb-to-i420', defines: {} }, parts));
}

/** Words of a frame in I420. */
function wordsOf(height: number, width: number): number {
  return Math.ceil((height * width * 3) / 8);
}

/** What one dispatch makes of I420: `word`s among those of all frames, of which it adds the bytes that lie in `rows`. */
interface I420Part {
  readonly frame: Range;
  readonly rows: Range;
  readonly word: Range;
}

/**
 * Frames as many at a time as can be bound, colour by colour; where not even one can, rows of one, of luma, Cb and Cr each: their samples of
 * some rows lie together. Throws `out-of-memory` where two rows of one colour are over the limit.
 */
function i420Parts(
  { count, height, width }: { readonly count: number; readonly height: number; readonly width: number },
  bindingBytes: number,
): readonly I420Part[] {
  const plane = height * width;
  const words = wordsOf(height, width);
  const fits = (elements: number) => windowBytes(elements) <= bindingBytes;
  const framesEach = largestFitting(count, (frames) => fits((3 * frames - 2) * plane) && fits(frames * words));
  if (framesEach > 0)
    return rangesOf(count, framesEach).map((frame) => ({
      frame,
      rows: { first: 0, count: height },
      word: { first: frame.first * words, count: frame.count * words },
    }));
  const pairsEach = largestFitting(height / 2, (pairs) => fits(2 * pairs * width));
  if (pairsEach === 0) throw overLimit('Two rows of a frame', windowBytes(2 * width), bindingBytes);
  return rangesOf(count, 1).flatMap((frame) =>
    rangesOf(height, 2 * pairsEach).flatMap((rows) => {
      const [firstChroma, chroma] = [(rows.first * width) / 4, (rows.count * width) / 4];
      return [
        [rows.first * width, rows.count * width],
        [plane + firstChroma, chroma],
        [plane + plane / 4 + firstChroma, chroma],
      ].map(([first = 0, bytes = 0]) => {
        const firstWord = Math.floor(first / 4);
        return { frame, rows, word: { first: frame.first * words + firstWord, count: Math.ceil((first + bytes) / 4) - firstWord } };
      });
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
    const colours = { buffer };
    if (4 * Math.max(channels, 1) * pixels <= gpu.bindingBytes)
      return await kept(result, () =>
        runKernel(gpu, { shader: 'latents-to-preview', defines: {} }, [
          {
            params: [channels, pixels],
            buffers: { 1: { buffer: latents.buffer }, 2: colours, 3: { buffer: result.buffer } },
            groups: linearGroups(pixels, 64),
          },
        ]),
      );
    return await kept(result, () => previewInParts(gpu, { channels, pixels, latents, colours, result }));
  } finally {
    gpu.release(buffer);
  }
}

interface Preview {
  readonly channels: number;
  readonly pixels: number;
  readonly latents: GpuTensor;
  readonly colours: GPUBufferBinding;
  readonly result: GpuTensor;
}

/** A pixel's channels lie far apart: those of as many pixels as can be bound are brought together first. Throws `out-of-memory` where 64 cannot. */
async function previewInParts(gpu: Gpu, { channels, pixels, latents, colours, result }: Preview): Promise<void> {
  const least = OFFSET_ALIGNMENT / 4; // so that every part of the result begins aligned
  const each = Math.floor(gpu.bindingBytes / (4 * channels) / least) * least;
  if (each === 0) throw overLimit(`${least} pixels of latents`, 4 * channels * least, gpu.bindingBytes);
  const gathered = gpu.buffer(4 * channels * each, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST, 'latents of a part');
  try {
    for (const { first, count } of rangesOf(pixels, each)) {
      const encoder = gpu.device.createCommandEncoder();
      for (let c = 0; c < channels; c++)
        encoder.copyBufferToBuffer(latents.buffer, 4 * (c * pixels + first), gathered, 4 * c * count, 4 * count);
      gpu.device.queue.submit([encoder.finish()]);
      await runKernel(gpu, { shader: 'latents-to-preview', defines: {} }, [
        {
          params: [channels, count],
          buffers: { 1: { buffer: gathered }, 2: colours, 3: { buffer: result.buffer, ...stretchFor(first, first + count) } },
          groups: linearGroups(count, 64),
        },
      ]);
    }
  } finally {
    gpu.release(gathered);
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
