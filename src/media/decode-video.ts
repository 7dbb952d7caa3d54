import { KinoraError, throwIfAborted, toKinoraError } from '../errors';
import type { Frame } from './frame';
import { i420ToRgba } from './i420';

/** Frames that a decoder is given before what it made is taken. */
const MAX_QUEUE = 4;

/**
 * The frames of a video file, in order, one at a time: the decoder's own samples by our own inverse of what the encoder was given, so that
 * a clip's colours do not depend on the browser. Throws `invalid-file` for what holds no video, `unsupported` for what this browser can't
 * decode.
 */
export async function* decodeVideo(file: Blob, signal?: AbortSignal): AsyncGenerator<Frame> {
  if (typeof globalThis.VideoDecoder !== 'function')
    throw new KinoraError('unsupported', 'This browser can’t decode video.', 'Use a current Chrome, Edge, Firefox or Safari.');
  const { ALL_FORMATS, BlobSource, EncodedPacketSink, Input } = await import('mediabunny');
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  const ready: VideoFrame[] = [];
  let failure: DOMException | null = null;
  const decoder = new VideoDecoder({ output: (frame) => ready.push(frame), error: (error) => (failure = error) });
  try {
    const track = await input.getPrimaryVideoTrack().catch(() => null);
    const config = await track?.getDecoderConfig();
    if (!track || !config)
      throw new KinoraError('invalid-file', 'There is no video in this file.', 'Choose a video that this browser plays.');
    decoder.configure(config);
    for await (const packet of new EncodedPacketSink(track).packets()) {
      throwIfAborted(signal);
      decoder.decode(packet.toEncodedVideoChunk());
      while (decoder.decodeQueueSize >= MAX_QUEUE && !failure)
        await new Promise((resolve) => decoder.addEventListener('dequeue', resolve, { once: true }));
      while (ready.length > 0) yield await takeFrame(ready.shift()!);
    }
    await decoder.flush();
    while (ready.length > 0) yield await takeFrame(ready.shift()!);
  } catch (thrown) {
    const error = failure ?? thrown;
    if (error instanceof KinoraError || (error as Error).name === 'AbortError') throw toKinoraError(error);
    throw new KinoraError('unsupported', 'This browser can’t decode this video.', 'Try a current Chrome or Edge.', { cause: error });
  } finally {
    for (const frame of ready) frame.close();
    if (decoder.state !== 'closed') decoder.close();
    input.dispose();
  }
}

/** A decoded frame as RGBA; the VideoFrame is closed. */
async function takeFrame(frame: VideoFrame): Promise<Frame> {
  try {
    const { width, height } = frame.visibleRect!;
    const format = frame.format;
    if ((format !== 'I420' && format !== 'NV12') || width % 2 || height % 2) return drawFrame(frame);
    const luma = width * height;
    const planes = new Uint8Array((luma * 3) / 2);
    const chroma = luma / 4;
    const layout =
      format === 'I420'
        ? [0, luma, luma + chroma].map((offset, plane) => ({ offset, stride: plane === 0 ? width : width / 2 }))
        : [0, luma].map((offset) => ({ offset, stride: width }));
    await frame.copyTo(planes, { rect: { x: 0, y: 0, width, height }, layout });
    return i420ToRgba({ width, height, planes: format === 'NV12' ? deinterleave(planes, luma) : planes });
  } finally {
    frame.close();
  }
}

/** NV12 (hardware decoders) as I420: U and V in turn become U, then V. */
function deinterleave(planes: Uint8Array<ArrayBuffer>, luma: number): Uint8Array<ArrayBuffer> {
  const out = planes.slice();
  const chroma = luma / 4;
  for (let at = 0; at < chroma; at++) {
    out[luma + at] = planes[luma + 2 * at]!;
    out[luma + chroma + at] = planes[luma + 2 * at + 1]!;
  }
  return out;
}

/** For frames that stay on a GPU or have other samples: the browser's own conversion. */
function drawFrame(frame: VideoFrame): Frame {
  const { displayWidth: width, displayHeight: height } = frame;
  const context = new OffscreenCanvas(width, height).getContext('2d', { colorSpace: 'srgb', willReadFrequently: true })!;
  context.drawImage(frame, 0, 0, width, height);
  return { width, height, rgba: context.getImageData(0, 0, width, height).data as Uint8ClampedArray<ArrayBuffer> };
}
