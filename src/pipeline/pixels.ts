import { KinoraError } from '../errors';
import type { Frame } from './types';

/** Planes [3, height, width] in [0, 1] to a frame. Rounds as torch does: half to even, which is what a clamped array does. */
export function frameFromPlanes(planes: Float32Array, width: number, height: number): Frame {
  const size = width * height;
  const rgba = new Uint8ClampedArray(size * 4).fill(255);
  for (let colour = 0; colour < 3; colour++)
    for (let i = 0; i < size; i++) rgba[4 * i + colour] = Math.fround(planes[colour * size + i]! * 255);
  return { width, height, rgba };
}

/** Writes a frame as planes [3, height, width] in [0, 1]; alpha is ignored. */
export function writePlanes({ width, height, rgba }: Frame, planes: Float32Array, offset: number): void {
  const size = width * height;
  for (let colour = 0; colour < 3; colour++)
    for (let i = 0; i < size; i++) planes[offset + colour * size + i] = rgba[4 * i + colour]! / 255;
}

/** Throws `invalid-spec` unless there are frames, all of one size that is a multiple of `multiple`. */
export function checkFrames(frames: readonly Frame[], multiple: number): { width: number; height: number } {
  const [first] = frames;
  if (!first) throw new KinoraError('invalid-spec', 'There are no frames to encode.', 'Give at least one.');
  const { width, height } = first;
  if (frames.some((frame) => frame.width !== width || frame.height !== height || frame.rgba.length !== width * height * 4))
    throw new KinoraError('invalid-spec', 'The given frames differ in size.', 'Scale them to one size first.');
  if (width % multiple !== 0 || height % multiple !== 0)
    throw new KinoraError('invalid-spec', `Frames of ${width} × ${height} do not fit this model.`, `Use multiples of ${multiple}.`);
  return { width, height };
}
