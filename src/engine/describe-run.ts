import type { WrittenVideo } from '../media/video-writer';
import type { EncodedPrompt, Latents } from '../pipeline/types';
import type { ModelManifest } from '../weights/manifest';
import { sha256Hex } from '../weights/store/hash';
import { version } from '../../package.json';
import { littleEndianBytes } from './little-endian';
import type { GenerationSpec } from './spec';
import type { ExecutionPlan, Report } from './types';

/** What a finished job knows about itself. */
export interface FinishedRun {
  readonly spec: GenerationSpec;
  readonly plan: ExecutionPlan;
  readonly manifest: ModelManifest;
  readonly prompt: Pick<EncodedPrompt, 'tokens' | 'truncated'>;
  readonly seconds: Report['seconds'];
  readonly stepSeconds: readonly number[];
  readonly latents: Latents;
  readonly video: WrittenVideo;
  readonly scale: 1 | 2 | 4;
  readonly memory: Report['memory'];
  readonly notes: readonly string[];
}

/** The report of a finished job. */
export async function describeRun(run: FinishedRun): Promise<Report> {
  const { spec, plan, manifest, latents, video } = run;
  return {
    version: 1,
    kinora: version,
    spec,
    plan,
    model: await describeModel(manifest),
    prompt: { tokens: run.prompt.tokens, truncated: run.prompt.truncated },
    seconds: run.seconds,
    stepSeconds: run.stepSeconds,
    latentsSha256: await sha256Hex(littleEndianBytes(latents.data)),
    latentsShape: latents.shape,
    encoder: describeEncoder(video, run.scale),
    clip: describeClip(video),
    ...(run.memory ? { memory: run.memory } : {}),
    notes: run.notes,
  };
}

/** The encoder's part of a report. */
export function describeEncoder({ codec, container, hardwareAcceleration }: WrittenVideo, scale: number): Report['encoder'] {
  return { codec, container, hardwareAcceleration, scale };
}

/** The clip's part of a report. */
export function describeClip({ width, height, frames, fps, sizeBytes, mimeType }: WrittenVideo): Report['clip'] {
  return { width, height, frames, fps, sizeBytes, mimeType };
}

async function describeModel(manifest: ModelManifest): Promise<Report['model']> {
  const files = manifest.files.map(({ name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256 }));
  const listing = [...files].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, sha256 }) => `${sha256}  ${name}\n`);
  return { id: manifest.id, revision: manifest.revision, sha256: await sha256Hex(new TextEncoder().encode(listing.join(''))), files };
}

/** What the user should know about the prompt, the file and where the clip was made. */
export function noteTruncated(
  prompt: Pick<EncodedPrompt, 'truncated'>,
  which: 'prompt' | 'negative prompt',
  manifest: ModelManifest,
): string[] {
  if (prompt.truncated === null) return [];
  return [`The ${which} was cut: ${manifest.name} reads ${manifest.text.length} tokens, so it did not see “${prompt.truncated.trim()}”.`];
}

/** Says so when the clip is not what most players expect. */
export function noteCodec({ codec, container }: Pick<WrittenVideo, 'codec' | 'container'>): string[] {
  if (codec.startsWith('avc')) return [];
  return [
    `This browser has no working H.264 encoder; the clip is ${codec} in ${container === 'mp4' ? 'an MP4' : 'a WebM'} file, which some players can't show.`,
  ];
}
