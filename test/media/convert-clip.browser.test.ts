import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { convertClip, type ConvertRequest } from '../../src/media/convert-clip';
import { decodeVideo } from '../../src/media/decode-video';
import type { Frame } from '../../src/media/frame';
import { makePoster } from '../../src/media/poster';
import { readClipSpec } from '../../src/media/read-clip-spec';
import { upscale } from '../../src/media/upscale';
import { createVideoWriter } from '../../src/media/video-writer';
import { psnr, storybookClip } from './clips';
import { readVideo } from './read-video';

const SPEC = { version: 1, prompt: 'a fox "runs" ❄ → 🦊', seed: 42 };
const MARK = 'digitalsourcetype/trainedAlgorithmicMedia';
const FPS = 8;

async function clip(size: readonly [number, number] = [64, 48], count = 17): Promise<{ frames: Frame[]; file: Blob }> {
  const frames = storybookClip(size[0], size[1], count);
  const writer = createVideoWriter({ width: size[0], height: size[1], fps: FPS, spec: SPEC, includeSpec: true });
  for (const frame of frames) await writer.add(frame);
  return { frames, file: (await writer.finish()).blob };
}

async function convert(request: Partial<ConvertRequest> & Pick<ConvertRequest, 'file' | 'format'>): Promise<Blob> {
  return convertClip({ fps: FPS, scale: 1, spec: SPEC, includeSpec: true, ...request });
}

async function framesOf(file: Blob): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of decodeVideo(file)) frames.push(frame);
  return frames;
}

const worst = (a: readonly Frame[], b: readonly Frame[]) => Math.min(...a.map((frame, index) => psnr(frame, b[index]!)));
const textOf = async (blob: Blob) => new TextDecoder('latin1').decode(await blob.arrayBuffer());

async function decodePng(blob: Blob): Promise<Frame> {
  const bitmap = await createImageBitmap(blob);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  const { width, height } = bitmap;
  return { width, height, rgba: context.getImageData(0, 0, width, height).data as Uint8ClampedArray<ArrayBuffer> };
}

/** What the browser's own GIF decoder makes of it, and how long each frame stands, in microseconds. */
async function decodeGif(blob: Blob): Promise<{ frames: Frame[]; durations: number[]; repetitions: number }> {
  const decoder = new ImageDecoder({ data: await blob.arrayBuffer(), type: 'image/gif' });
  await decoder.completed;
  await decoder.tracks.ready;
  const track = decoder.tracks.selectedTrack!;
  const frames: Frame[] = [];
  const durations: number[] = [];
  for (let index = 0; index < track.frameCount; index++) {
    const { image } = await decoder.decode({ frameIndex: index });
    const { displayWidth: width, displayHeight: height } = image;
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
    context.drawImage(image, 0, 0);
    frames.push({ width, height, rgba: context.getImageData(0, 0, width, height).data as Uint8ClampedArray<ArrayBuffer> });
    durations.push(image.duration!);
    image.close();
  }
  return { frames, durations, repetitions: track.repetitionCount };
}

describe('a kept clip', () => {
  it('is decoded to the frames that went in, as the codec left them', async () => {
    const { frames, file } = await clip();
    const decoded = await framesOf(file);
    expect(decoded).toHaveLength(17);
    expect(worst(decoded, (await readVideo(file)).frames)).toBe(Infinity);
    expect(worst(frames, decoded)).toBeGreaterThan(30);
  });

  it('has a poster of its middle frame', async () => {
    const { file } = await clip();
    const decoded = await framesOf(file);
    expect(psnr(await decodePng(await makePoster(file, 17)), decoded[8]!)).toBe(Infinity);
    const large = await makePoster((await clip([640, 360], 3)).file, 3);
    expect(large.type).toBe('image/jpeg');
    expect(await createImageBitmap(large)).toMatchObject({ width: 480, height: 270 });
  });
});

describe('saved as MP4', () => {
  it('keeps the encoded pictures, with or without the spec', async () => {
    const { file } = await clip();
    const before = await readVideo(file);
    for (const includeSpec of [true, false]) {
      const saved = await convert({ file, format: 'mp4', includeSpec });
      const after = await readVideo(saved);
      expect(after.packets.map(({ data }) => data)).toEqual(before.packets.map(({ data }) => data));
      expect(after.packets.map(({ timestamp }) => timestamp)).toEqual(before.packets.map(({ timestamp }) => timestamp));
      expect(await readClipSpec(saved)).toEqual(includeSpec ? SPEC : null);
      const text = await textOf(saved);
      expect(text.includes('a fox')).toBe(includeSpec);
      expect(text.split('<x:xmpmeta')).toHaveLength(2); // once, not once a pass
      expect(after.comment).toContain(MARK);
    }
  });

  it.each([2, 4] as const)('is enlarged %i times, all frames in time', async (scale) => {
    const { frames, file } = await clip();
    const { frames: decoded, packets } = await readVideo(await convert({ file, frames, format: 'mp4', scale }));
    expect(packets.map(({ timestamp }) => Math.round(timestamp * FPS * 1e4) / 1e4)).toEqual(frames.map((_, index) => index));
    expect(
      worst(
        frames.map((frame) => upscale(frame, scale)),
        decoded,
      ),
    ).toBeGreaterThan(30);
  });
});

describe('saved as WebM', () => {
  it.each([true, false])('every frame, in time, marked; with the spec: %s', async (includeSpec) => {
    const { frames, file } = await clip();
    const saved = await convert({ file, format: 'webm', includeSpec });
    expect(saved.type).toBe('video/webm');
    const { frames: decoded, packets, mimeType, comment } = await readVideo(saved);
    expect(mimeType).toMatch(/^video\/webm/);
    expect(packets).toHaveLength(17);
    for (const [index, { timestamp }] of packets.entries()) expect(Math.abs(timestamp - index / FPS)).toBeLessThan(0.0011); // whole milliseconds
    expect(worst(frames, decoded)).toBeGreaterThan(27);
    expect(comment).toContain(MARK);
    expect(await readClipSpec(saved)).toEqual(includeSpec ? SPEC : null);
    // A kept WebM is relabelled as an MP4 is.
    const again = await convert({ file: saved, format: 'webm', includeSpec: false });
    expect(await readClipSpec(again)).toBeNull();
    expect((await readVideo(again)).packets.map(({ data }) => data)).toEqual(packets.map(({ data }) => data));
  });
});

describe('saved as GIF', () => {
  it.each([
    { fps: 8, scale: 1 },
    { fps: 24, scale: 2 },
    { fps: 30, scale: 1 },
  ] as const)('$fps a second at $scale times: every frame, in time, for ever', async ({ fps, scale }) => {
    const { frames, file } = await clip();
    const gif = await convert({ file, frames, format: 'gif', scale, fps });
    const decoded = await decodeGif(gif);
    expect(decoded.frames).toHaveLength(17);
    expect(decoded.repetitions).toBe(Infinity);
    expect(
      worst(
        frames.map((frame) => upscale(frame, scale)),
        decoded.frames,
      ),
    ).toBeGreaterThan(35);
    let shown = 0;
    for (const [index, duration] of decoded.durations.entries()) {
      shown += duration;
      expect(Math.abs(shown - ((index + 1) * 1e6) / fps)).toBeLessThanOrEqual(5000.5);
    }
    expect(await textOf(gif)).toContain(MARK);
  });

  it('carries the spec if wanted, and refuses what no browser plays', async () => {
    const { frames, file } = await clip([32, 32], 5);
    expect(await readClipSpec(await convert({ file, frames, format: 'gif' }))).toEqual(SPEC);
    const without = await convert({ file, frames, format: 'gif', includeSpec: false });
    expect(await readClipSpec(without)).toBeNull();
    expect(await textOf(without)).not.toContain('a fox');
    await expect(convert({ file, frames, format: 'gif', fps: 60 })).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('saved as PNG', () => {
  it('the frame that was asked for, to the bit, with its spec and mark', async () => {
    const { frames, file } = await clip();
    const png = await convert({ file, frames, format: 'png', frameIndex: 5 });
    expect(psnr(await decodePng(png), frames[5]!)).toBe(Infinity);
    expect(await readClipSpec(png)).toEqual(SPEC);
    expect(await textOf(png)).toContain(MARK);
    expect(await readClipSpec(await convert({ file, format: 'png', includeSpec: false }))).toBeNull();
    await expect(convert({ file, frames, format: 'png', frameIndex: 17 })).rejects.toMatchObject({ code: 'internal' });
  });

  it('every frame, as a zip', async () => {
    const { frames, file } = await clip([32, 32], 5);
    const zip = unzipSync(new Uint8Array(await (await convert({ file, frames, format: 'png-zip', scale: 2 })).arrayBuffer()));
    expect(Object.keys(zip)).toEqual([1, 2, 3, 4, 5].map((number) => `frame-000${number}.png`));
    for (const [index, bytes] of Object.values(zip).entries()) {
      const png = new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'image/png' });
      expect(psnr(await decodePng(png), upscale(frames[index]!, 2))).toBe(Infinity);
      expect(await readClipSpec(png)).toEqual(SPEC);
    }
  });
});

describe('a dropped file', () => {
  it('of another kind is refused, of someone else’s has no spec', async () => {
    for (const bytes of [new Uint8Array(0), new TextEncoder().encode('hello, this is text')])
      await expect(readClipSpec(new Blob([bytes]))).rejects.toMatchObject({ code: 'invalid-file' });
    const canvas = new OffscreenCanvas(4, 4);
    canvas.getContext('2d');
    expect(await readClipSpec(await canvas.convertToBlob())).toBeNull();
    expect(await readClipSpec(new Blob([new Uint8Array([0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 2, 3])]))).toBeNull();
  });

  it('that is damaged anywhere gives a spec, none, or a clear error', async () => {
    const { frames, file } = await clip([32, 32], 5);
    for (const format of ['gif', 'png', 'webm'] as const) {
      const bytes = new Uint8Array(await (await convert({ file, frames, format })).arrayBuffer());
      for (let round = 0; round < 60; round++) {
        const damaged = bytes.slice(0, bytes.length - (round % 7) * 11);
        damaged[(round * 7919) % damaged.length]! ^= 1 << (round % 8);
        const result = await readClipSpec(new Blob([damaged])).catch((thrown: unknown) => thrown);
        if (result instanceof Error) expect(result).toMatchObject({ code: 'invalid-file' });
      }
    }
  });
});
