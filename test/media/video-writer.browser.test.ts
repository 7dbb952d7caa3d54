import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CodecsApi } from '../../src/media/codecs-api';
import type { Frame } from '../../src/media/frame';
import { rgbaToI420 } from '../../src/media/i420';
import { frameToPng } from '../../src/media/png';
import { findEncoder } from '../../src/media/probe';
import { readSpecFromMp4 } from '../../src/media/read-spec';
import { parseComment } from '../../src/media/spec-comment';
import { upscale } from '../../src/media/upscale';
import { createVideoWriter, type VideoWriterOptions, type WrittenVideo } from '../../src/media/video-writer';
import { noise, planesPsnr, psnr, storybookClip } from './clips';
import { readVideo, type ReadVideo } from './read-video';

const SPEC = { version: 1, prompt: 'a fox "runs" ❄', seed: 42 };

async function write(clip: readonly Frame[], fps: number, options: Partial<VideoWriterOptions> = {}): Promise<WrittenVideo> {
  const { width, height } = clip[0]!;
  const writer = createVideoWriter({ width, height, fps, spec: SPEC, includeSpec: true, ...options });
  for (const frame of clip) await writer.add(frame);
  return writer.finish();
}

function quality(clip: readonly Frame[], decoded: readonly Frame[]): { mean: number; worst: number } {
  const each = clip.map((frame, index) => psnr(frame, decoded[index]!));
  return { mean: each.reduce((sum, value) => sum + value, 0) / each.length, worst: Math.min(...each) };
}

/** The worst frame by its planes: what the codec alone lost. */
function worstPlanes(clip: readonly Frame[], { pictures }: ReadVideo): number {
  return Math.min(...clip.map((frame, index) => planesPsnr(rgbaToI420(frame), pictures[index]!)));
}

/** This browser's codecs without those whose configuration fits. */
function without(refused: (config: VideoEncoderConfig) => boolean): CodecsApi {
  return {
    VideoFrame,
    VideoEncoder: class extends VideoEncoder {
      override configure(config: VideoEncoderConfig): void {
        if (refused(config)) throw new DOMException('refused by the test', 'NotSupportedError');
        super.configure(config);
      }
    },
  };
}

afterEach(() => vi.restoreAllMocks());

describe('a clip written in Chromium', () => {
  it.each([
    { size: [64, 64], count: 17, fps: 8, grain: 0, scale: 1 },
    { size: [64, 64], count: 49, fps: 24, grain: 15, scale: 1 },
    { size: [128, 128], count: 17, fps: 8, grain: 30, scale: 1 },
    { size: [128, 96], count: 49, fps: 24, grain: 0, scale: 1 },
    { size: [96, 128], count: 5, fps: 1, grain: 0, scale: 1 },
    { size: [64, 48], count: 9, fps: 8, grain: 0, scale: 2 },
    { size: [64, 64], count: 9, fps: 30, grain: 10, scale: 4 },
  ] as const)('$size.0 x $size.1, $count frames at $fps fps, grain $grain, scale $scale', async ({ size, count, fps, grain, scale }) => {
    const clip = storybookClip(size[0], size[1], count, grain);
    const written = await write(clip, fps, { scale });
    const [width, height] = [size[0] * scale, size[1] * scale];
    expect(written).toMatchObject({ container: 'mp4', mimeType: 'video/mp4', frames: count, width, height, fps });
    expect(written.codec).toMatch(/^avc1\.42E0/);
    expect(written.sizeBytes).toBe(written.blob.size);

    const video = await readVideo(written.blob);
    expect(video.frames).toHaveLength(count);
    expect(video.frames.every((frame) => frame.width === width && frame.height === height)).toBe(true);
    expect(video.packets.map(({ timestamp }) => timestamp)).toEqual(clip.map((_, index) => index / fps));
    expect(video.packets.map(({ duration }) => duration)).toEqual(clip.map(() => 1 / fps));
    expect(video.packets.every(({ type }) => type === 'key')).toBe(true);
    expect(video.config.colorSpace).toMatchObject({ primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false });
    expect(parseComment(video.comment!)).toEqual(SPEC);
    expect(await readSpecFromMp4(written.blob)).toEqual(SPEC);

    const shown = clip.map((frame) => upscale(frame, scale));
    const { mean, worst } = quality(shown, video.frames);
    console.log(
      `${width} x ${height}, ${count} frames, grain ${grain}: mean ${mean.toFixed(1)} dB, worst ${worst.toFixed(1)} dB, ${written.sizeBytes} bytes`,
    );
    expect(mean).toBeGreaterThan(32);
    expect(worst).toBeGreaterThan(28);
    expect(worstPlanes(shown, video)).toBeGreaterThan(38);
  });

  it('plays in a video element, at its size and length', async () => {
    const written = await write(storybookClip(64, 48, 17), 8);
    const video = document.createElement('video');
    video.src = URL.createObjectURL(written.blob);
    await new Promise((resolve, reject) => {
      video.onloadeddata = resolve;
      video.onerror = () => reject(new Error(video.error?.message));
    });
    expect([video.videoWidth, video.videoHeight]).toEqual([64, 48]);
    expect(video.duration).toBeCloseTo(17 / 8, 3);
    URL.revokeObjectURL(video.src);
  });

  it('is written in a worker too', async () => {
    const worker = new Worker(new URL('./writer.worker.ts', import.meta.url), { type: 'module' });
    try {
      const { blob, written, png } = await new Promise<{ blob: Blob; written: object; png: Blob }>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => reject(new Error(event.message));
        worker.postMessage(null);
      });
      expect(written).toMatchObject({ container: 'mp4', frames: 17 });
      expect(await readSpecFromMp4(blob)).toEqual({ prompt: 'in a worker' });
      expect((await readVideo(blob)).frames).toHaveLength(17);
      expect(png.type).toBe('image/png');
    } finally {
      worker.terminate();
    }
  });

  it('takes white noise, the hardest pictures there are', async () => {
    const clip = Array.from({ length: 9 }, (_, index) => noise(256, 256, index));
    const { blob, frames } = await write(clip, 8);
    expect(frames).toBe(9);
    const video = await readVideo(blob);
    expect(video.frames).toHaveLength(9);
    expect(worstPlanes(clip, video)).toBeGreaterThan(36);
  });

  it('keeps the colour of what moves over something equally bright', async () => {
    // A disc and a ground of equal luma: an encoder that looks at luma alone leaves a trail.
    const clip = Array.from({ length: 17 }, (_, index) => {
      const rgba = new Uint8ClampedArray(96 * 64 * 4);
      for (let pixel = 0; pixel < 96 * 64; pixel++) {
        const inside = Math.hypot((pixel % 96) - 16 - 4 * index, Math.floor(pixel / 96) - 32) < 12;
        rgba.set(inside ? [200, 120, 60, 255] : [90, 143, 150, 255], pixel * 4);
      }
      return { width: 96, height: 64, rgba };
    });
    const { blob } = await write(clip, 8);
    expect(worstPlanes(clip, await readVideo(blob))).toBeGreaterThan(38);
  });

  it('survives an encoder that is taken away in the middle', async () => {
    const clip = storybookClip(64, 64, 25);
    let taken = false;
    const codecs: CodecsApi = {
      VideoFrame,
      VideoEncoder: class extends VideoEncoder {
        readonly #report: WebCodecsErrorCallback;
        #count = 0;
        constructor(init: VideoEncoderInit) {
          super(init);
          this.#report = init.error;
        }
        override encode(frame: VideoFrame, options?: VideoEncoderEncodeOptions): void {
          super.encode(frame, options);
          if (++this.#count !== 21 || taken) return;
          taken = true;
          this.close();
          this.#report(new DOMException('Codec reclaimed due to inactivity.', 'QuotaExceededError'));
        }
      },
    };
    const { blob, frames } = await write(clip, 8, { codecs });
    expect(taken).toBe(true);
    expect(frames).toBe(25);
    const video = await readVideo(blob);
    expect(quality(clip, video.frames).mean).toBeGreaterThan(32);
    expect(video.packets.map(({ timestamp }) => timestamp)).toEqual(clip.map((_, index) => index / 8));
  });
});

describe('without H.264', () => {
  const clip = storybookClip(128, 128, 17, 10);

  it.each([
    ['VP9', 'vp09', (config: VideoEncoderConfig) => config.codec.startsWith('avc1')],
    ['AV1', 'av01', (config: VideoEncoderConfig) => /^(avc1|vp09)/.test(config.codec)],
  ])('%s goes into MP4, with everything else as it was', async (_name, prefix, refused) => {
    const written = await write(clip, 8, { codecs: without(refused) });
    expect(written).toMatchObject({ container: 'mp4', mimeType: 'video/mp4', frames: 17 });
    expect(written.codec.startsWith(prefix)).toBe(true);
    const video = await readVideo(written.blob);
    expect(video.config.codec.startsWith(prefix)).toBe(true);
    expect(video.packets.map(({ timestamp }) => timestamp)).toEqual(clip.map((_, index) => index / 8));
    expect(video.packets.flatMap(({ type }, index) => (type === 'key' ? [index] : []))).toEqual([0, 16]);
    expect(video.config.colorSpace).toMatchObject({ matrix: 'bt709', fullRange: false });
    expect(await readSpecFromMp4(written.blob)).toEqual(SPEC);
    const { mean, worst } = quality(clip, video.frames);
    expect(mean).toBeGreaterThan(32);
    expect(worst).toBeGreaterThan(28);
  });

  it('and where MP4 holds nothing that plays here, VP9 goes into WebM', async () => {
    vi.spyOn(navigator.mediaCapabilities, 'decodingInfo').mockResolvedValue({ supported: false } as MediaCapabilitiesDecodingInfo);
    const written = await write(clip, 8, { codecs: without(({ codec }) => codec.startsWith('avc1')) });
    expect(written).toMatchObject({ container: 'webm', mimeType: 'video/webm', frames: 17, codec: 'vp09.00.10.08' });
    const video = await readVideo(written.blob);
    expect(video.mimeType).toContain('video/webm');
    expect(parseComment(video.comment!)).toEqual(SPEC);
    // Matroska's clock ticks in milliseconds.
    for (const [index, { timestamp }] of video.packets.entries()) expect(timestamp).toBeCloseTo(index / 8, 3);
    expect(video.config.colorSpace).toMatchObject({ matrix: 'bt709', fullRange: false });
    expect(quality(clip, video.frames).mean).toBeGreaterThan(32);
    await expect(readSpecFromMp4(written.blob)).rejects.toMatchObject({ code: 'invalid-file' });
  });

  it('and without anything: says so', async () => {
    await expect(findEncoder({ width: 64, height: 64, fps: 8 }, { codecs: without(() => true) })).rejects.toMatchObject({
      code: 'no-encoder',
    });
  });
});

describe('a picture', () => {
  it('comes back from its PNG bit for bit', async () => {
    const frame = noise(33, 17, 9);
    const png = await frameToPng(frame);
    const bitmap = await createImageBitmap(png, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
    const context = new OffscreenCanvas(33, 17).getContext('2d')!;
    context.drawImage(bitmap, 0, 0);
    expect(context.getImageData(0, 0, 33, 17).data).toEqual(frame.rgba);
  });
});
