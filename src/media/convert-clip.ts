import { Zip, ZipPassThrough } from 'fflate';
import { KinoraError, throwIfAborted } from '../errors';
import { decodeVideo } from './decode-video';
import type { Frame } from './frame';
import { encodeGif } from './gif';
import { frameToPng } from './png';
import { addPngMetadata } from './png-metadata';
import { relabelVideo } from './relabel';
import { composeComment } from './spec-comment';
import { upscale, type UpscaleFactor } from './upscale';
import { createVideoWriter } from './video-writer';

/** What a clip can be saved as. `png`: one frame; `png-zip`: every frame. */
export const CLIP_FORMATS = ['mp4', 'webm', 'gif', 'png', 'png-zip'] as const;
export type ClipFormat = (typeof CLIP_FORMATS)[number];

export interface ConvertRequest {
  /** The video as it is kept. */
  readonly file: Blob;
  /** Its frames before encoding, where they are at hand; else they are decoded. */
  readonly frames?: readonly Frame[] | null;
  readonly fps: number;
  readonly format: ClipFormat;
  readonly scale: UpscaleFactor;
  readonly spec: unknown;
  /** False leaves prompt and settings out of the file; the AI-made mark stays. */
  readonly includeSpec: boolean;
  /** The frame to save, for `png`. */
  readonly frameIndex?: number;
}

interface ConvertOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the frames done. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/**
 * A clip as a file of another format or size. At its own size and in its own container, the encoded pictures stay as they are and only the
 * metadata is written anew. Every file is marked as AI-made. Throws `no-encoder`, `unsupported`, `invalid-file`, `aborted`.
 */
export async function convertClip(request: ConvertRequest, options: ConvertOptions = {}): Promise<Blob> {
  const { file, format, scale, spec, includeSpec, fps, frameIndex = 0 } = request;
  const comment = composeComment(spec, includeSpec);
  if (scale === 1 && file.type.startsWith(`video/${format}`)) return relabelVideo(file, comment);
  const frames = enlarged(request, options);
  switch (format) {
    case 'mp4':
    case 'webm':
      return encodeVideo(frames, request, options);
    case 'gif':
      return encodeGif(frames, fps, comment);
    case 'png': {
      let index = 0;
      for await (const frame of frames) if (index++ === frameIndex) return pngOf(frame, comment);
      throw new KinoraError('internal', `The clip has no frame ${frameIndex}.`, 'Choose one of its frames.');
    }
    case 'png-zip':
      return zipFrames(frames, comment);
  }
}

async function* enlarged({ file, frames, scale, format, frameIndex = 0 }: ConvertRequest, { signal, onProgress }: ConvertOptions) {
  let done = 0;
  for await (const frame of frames ?? decodeVideo(file, signal)) {
    throwIfAborted(signal);
    // The video writer enlarges by itself; of a single picture, only that one matters.
    const isPassed = format === 'mp4' || format === 'webm' || (format === 'png' && done !== frameIndex);
    yield isPassed ? frame : upscale(frame, scale);
    onProgress?.(++done);
  }
}

async function encodeVideo(
  frames: AsyncIterable<Frame>,
  { format, scale, spec, includeSpec, fps }: ConvertRequest,
  { signal }: ConvertOptions,
): Promise<Blob> {
  let writer: ReturnType<typeof createVideoWriter> | null = null;
  try {
    for await (const frame of frames) {
      const { width, height } = frame;
      const container = format as 'mp4' | 'webm';
      writer ??= createVideoWriter({ width, height, fps, scale, spec, includeSpec, container, ...(signal && { signal }) });
      await writer.add(frame);
    }
    if (!writer) throw new KinoraError('invalid-file', 'There are no frames in this clip.', 'Choose another clip.');
    return (await writer.finish()).blob;
  } finally {
    writer?.close();
  }
}

async function pngOf(frame: Frame, comment: string): Promise<Blob> {
  const png = await frameToPng(frame);
  return addPngMetadata(new Uint8Array(await png.arrayBuffer()), comment);
}

/** frame-0001.png and so on. PNGs don't get smaller, so nothing is compressed. */
async function zipFrames(frames: AsyncIterable<Frame>, comment: string): Promise<Blob> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let failure: Error | null = null;
  const zip = new Zip((error, piece) => {
    if (error) failure = error;
    else pieces.push(piece as Uint8Array<ArrayBuffer>);
  });
  let index = 0;
  for await (const frame of frames) {
    const png = await pngOf(frame, comment);
    const entry = new ZipPassThrough(`frame-${String(++index).padStart(4, '0')}.png`);
    zip.add(entry);
    entry.push(new Uint8Array(await png.arrayBuffer()), true);
    if (failure) throw failure as Error;
  }
  zip.end();
  return new Blob(pieces, { type: 'application/zip' });
}
