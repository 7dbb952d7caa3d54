import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WgslExecutor } from '../../../src/backends/wgsl/create-wgsl-executor';
import { rgbaToI420 } from '../../../src/media/i420';
import { frameFromPlanes } from '../../../src/pipeline/pixels';
import { previewFrames } from '../../../src/pipeline/preview';
import { testExecutor } from './device';
import { randomNumbers } from './random-weights';

/** The kernels that make pictures, against the TypeScript that does the same on the CPU. */
export function picturesSuite(): void {
  let executor: WgslExecutor;
  let device: GPUDevice;
  /** What runs in parts: bindings of so few bytes. */
  const withBindings = async <T>(bindingBytes: number, run: (small: WgslExecutor) => Promise<T>): Promise<T> => {
    const small = await testExecutor({ limits: { bindingBytes } });
    small.device.pushErrorScope('validation');
    const result = await run(small.executor);
    expect(await small.device.popErrorScope()).toBeNull();
    expect(small.executor.liveBuffers).toBe(0);
    small.device.destroy();
    return result;
  };
  beforeAll(async () => ({ executor, device } = await testExecutor()));
  afterAll(() => device.destroy());

  /** Frames on the GPU as I420, and those of the CPU. */
  async function compareI420(
    planes: Float32Array,
    [frames, height, width]: readonly [number, number, number],
    on: WgslExecutor = executor,
  ): Promise<void> {
    device.pushErrorScope('validation');
    const tensor = on.upload(planes, [frames, 3, height, width]);
    const i420 = await on.toI420(tensor);
    const words = (await on.download(i420)) as Int32Array;
    tensor.dispose();
    i420.dispose();
    expect(await device.popErrorScope()).toBeNull();
    const size = (height * width * 3) / 2;
    for (let frame = 0; frame < frames; frame++) {
      const rgba = frameFromPlanes(planes.subarray(frame * 2 * size, (frame + 1) * 2 * size), width, height);
      const ours = new Uint8Array(words.buffer, (4 * words.length * frame) / frames, size);
      expect([...ours]).toEqual([...rgbaToI420(rgba).planes]);
    }
    expect(on.liveBuffers).toBe(0);
  }

  describe('frames to I420', () => {
    for (const [frames, height, width] of [
      [1, 2, 2],
      [3, 6, 10],
      [2, 34, 46],
    ] as const)
      test(`${frames} of ${width} x ${height}, byte for byte`, () =>
        // Beyond [0, 1] on both sides.
        compareI420(
          randomNumbers(frames * 3 * height * width, 5).map((value) => 0.5 + 0.7 * value),
          [frames, height, width],
        ));

    test('every luma tie rounds as the CPU does', async () => {
      // Colours whose luma is exactly between two levels: where f64 arithmetic went astray.
      const ties = [
        [10, 51, 54],
        [27, 41, 103],
        [30, 153, 162],
        [47, 143, 211],
      ];
      const planes = new Float32Array(3 * 16).map((_, i) => ties[i % 4]![Math.floor(i / 16)]! / 255);
      await compareI420(planes, [1, 4, 4]);
    });

    // [frames, height, width]: frames that do not begin aligned, rows of one, Cb that ends within a word.
    for (const [bindingBytes, ...sizes] of [
      [6000, 5, 14, 10],
      [2048, 2, 34, 46],
      [700, 2, 30, 30],
    ] as const)
      test(`${sizes.join(' x ')} over bindings of ${bindingBytes} bytes, byte for byte`, () =>
        withBindings(bindingBytes, (small) => {
          const data = randomNumbers(sizes[0] * 3 * sizes[1] * sizes[2], 7).map((value) => 0.5 + 0.7 * value);
          return compareI420(data, sizes, small);
        }));

    test('a picture two rows of which cannot be bound is refused', () =>
      withBindings(512, async (small) => {
        const tensor = small.upload(new Float32Array(3 * 2 * 64), [1, 3, 2, 64]);
        await expect(small.toI420(tensor)).rejects.toMatchObject({
          code: 'out-of-memory',
          message: expect.stringContaining('Two rows of a frame'),
        });
        tensor.dispose();
      }));

    test('odd sizes are refused', async () => {
      const tensor = executor.upload(new Float32Array(18), [1, 3, 3, 2]);
      await expect(executor.toI420(tensor)).rejects.toMatchObject({ code: 'invalid-graph' });
      tensor.dispose();
    });
  });

  test('latents to a preview, within a level', async () => {
    const shape = [16, 3, 5, 7] as const;
    const data = randomNumbers(16 * 3 * 5 * 7, 3);
    const latentRgb = {
      matrix: [1, 2, 3].map((seed) => [...randomNumbers(16, seed)].map((value) => 0.2 * value)),
      bias: [0.5, 0.4, 0.6],
    };
    const latents = executor.upload(data, shape);
    const pixels = await executor.toPreview(latents, latentRgb);
    expect(pixels.shape).toEqual([3, 5, 7]);
    const rgba = new Uint8ClampedArray(((await executor.download(pixels)) as Int32Array).buffer);
    const expected = previewFrames({ data, shape }, latentRgb).frames.flatMap((frame) => [...frame]);
    expect(Math.max(...expected.map((level, i) => Math.abs(level - rgba[i]!)))).toBeLessThanOrEqual(1);
    expect(new Set(expected).size).toBeGreaterThan(50);
    await expect(executor.toPreview(latents, { ...latentRgb, bias: [0] })).rejects.toMatchObject({ code: 'invalid-graph' });
    latents.dispose();
    pixels.dispose();
    expect(executor.liveBuffers).toBe(0);
    await withBindings(4500, async (small) => {
      const again = small.upload(data, shape);
      const inParts = await small.toPreview(again, latentRgb);
      expect(new Uint8ClampedArray(((await small.download(inParts)) as Int32Array).buffer)).toEqual(rgba);
      again.dispose();
      inParts.dispose();
    });
    await withBindings(4000, async (small) => {
      const again = small.upload(data, shape);
      await expect(small.toPreview(again, latentRgb)).rejects.toMatchObject({ code: 'out-of-memory' });
      again.dispose();
    });
  });

  test('a combination over the binding limit has the same bits', async () => {
    const combined = async (on: WgslExecutor) => {
      const terms = [0.5, -1.5, 2.25].map((coefficient, seed) => ({
        tensor: on.upload(randomNumbers(1001, seed + 1), [7, 143]),
        coefficient,
      }));
      const sum = await on.combine(terms);
      const values = await on.download(sum);
      [sum, ...terms.map(({ tensor }) => tensor)].forEach((tensor) => tensor.dispose());
      return values;
    };
    expect(await withBindings(1500, combined)).toEqual(await combined(executor));
  });
}
