import { throwIfAborted, toKinoraError } from '../errors';
import type { WrittenVideo } from '../media/video-writer';
import type { Latents, Pipeline } from '../pipeline/types';
import type { Environment, VideoSink } from './environment';
import type { ProgressMeter } from './progress-meter';
import type { GenerationSpec } from './spec';

export interface VideoJob {
  readonly spec: GenerationSpec;
  readonly latents: Latents;
  readonly scale: 1 | 2 | 4;
  readonly keepFrames: boolean;
  /** Decodes in squares of so many latent pixels; undefined: whole frames. */
  readonly tile?: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Decodes latents into a video file, one frame at a time: the next latent frame is decoded when the encoder has room. Time is
 * counted as `decode` or `encode-video` according to who was waited for. An encoder that breaks when frames are out already, so that
 * its file can't go on with another codec, is left out, and the clip is decoded again for the next.
 */
export async function writeVideo(
  environment: Environment,
  pipeline: Pipeline,
  meter: ProgressMeter,
  job: VideoJob,
): Promise<{ video: WrittenVideo; frames: Uint8ClampedArray<ArrayBuffer>[] }> {
  for (let without: VideoSink['triedCodecs'] = []; ;) {
    const { width, height, fps } = job.spec;
    const sink = environment.openVideo({ width, height, fps, scale: job.scale, spec: job.spec, signal: job.signal, without });
    try {
      return await fillVideo(sink, environment, pipeline, meter, job);
    } catch (error) {
      const { triedCodecs } = sink;
      if (toKinoraError(error).code !== 'no-encoder' || triedCodecs.length === without.length) throw error;
      without = triedCodecs;
    }
  }
}

async function fillVideo(
  sink: VideoSink,
  environment: Environment,
  pipeline: Pipeline,
  meter: ProgressMeter,
  { spec, latents, scale, keepFrames, tile, signal }: VideoJob,
): Promise<{ video: WrittenVideo; frames: Uint8ClampedArray<ArrayBuffer>[] }> {
  const kept: Uint8ClampedArray<ArrayBuffer>[] = [];
  const options = { ...(signal ? { signal } : {}), ...(tile === undefined ? {} : { tile }) };
  // Pixels are only needed to be enlarged or kept.
  const frames = scale === 1 && !keepFrames ? pipeline.decodeForVideo(latents, options) : pipeline.decode(latents, options);
  let decodeMs = 0;
  let encodeMs = 0;
  try {
    meter.start('decode', spec.frames);
    for (let count = 1; ; count++) {
      const started = environment.now();
      const next = await frames.next();
      decodeMs += environment.now() - started;
      if (next.done) break;
      if (keepFrames && 'rgba' in next.value) kept.push(next.value.rgba.slice());
      const decoded = environment.now();
      await sink.add(next.value);
      encodeMs += environment.now() - decoded;
      throwIfAborted(signal);
      meter.advance(count);
    }
    meter.end(decodeMs);
    meter.add('encode-video', encodeMs);
    meter.start('encode-video', spec.frames);
    const video = await sink.finish();
    meter.advance(spec.frames);
    meter.end();
    return { video, frames: kept };
  } finally {
    await frames.return(undefined);
    sink.close();
  }
}
