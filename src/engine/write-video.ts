import { throwIfAborted } from '../errors';
import type { WrittenVideo } from '../media/video-writer';
import type { Latents, Pipeline } from '../pipeline/types';
import type { Environment } from './environment';
import type { ProgressMeter } from './progress-meter';
import type { GenerationSpec } from './spec';

export interface VideoJob {
  readonly spec: GenerationSpec;
  readonly latents: Latents;
  readonly scale: 1 | 2 | 4;
  readonly keepFrames: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Decodes latents into a video file, one frame at a time: the next latent frame is decoded when the encoder has room. Time is
 * counted as `decode` or `encode-video` according to who was waited for.
 */
export async function writeVideo(
  environment: Environment,
  pipeline: Pipeline,
  meter: ProgressMeter,
  { spec, latents, scale, keepFrames, signal }: VideoJob,
): Promise<{ video: WrittenVideo; frames: Uint8ClampedArray<ArrayBuffer>[] }> {
  const { width, height, fps } = spec;
  const kept: Uint8ClampedArray<ArrayBuffer>[] = [];
  const sink = environment.openVideo({ width, height, fps, scale, spec, signal });
  const frames = pipeline.decode(latents, signal ? { signal } : {});
  let decodeMs = 0;
  let encodeMs = 0;
  try {
    meter.start('decode', spec.frames);
    for (let count = 1; ; count++) {
      const started = environment.now();
      const next = await frames.next();
      decodeMs += environment.now() - started;
      if (next.done) break;
      if (keepFrames) kept.push(next.value.rgba.slice());
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
