/** What the library reads of a spec: the words to search by, and what made the clip. The engine's `GenerationSpec` is one. */
export interface ClipSpec {
  readonly model: string;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly fps: number;
  readonly steps: number;
  readonly guidance: number;
  readonly sampler: string;
  readonly shift: number;
}

/** What the library reads of a report. The engine's `Report` is one. */
export interface ClipReport {
  readonly latentsShape: readonly number[];
  readonly clip: {
    readonly width: number;
    readonly height: number;
    readonly frames: number;
    readonly fps: number;
    readonly mimeType: string;
  };
}

/** A clip without its bytes: all that a list, a search and the details need. Plain data, as IndexedDB keeps it. */
export interface ClipRecord<S extends ClipSpec = ClipSpec, R extends ClipReport = ClipReport> {
  readonly version: 1;
  readonly id: string;
  /** The prompt, until someone gives it a name. */
  readonly name: string;
  readonly spec: S;
  /** How it was made, plan included. */
  readonly report: R;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly favourite: boolean;
  /** When it was removed; it can be restored until it is purged. Null for a clip that is there. */
  readonly removedAt: number | null;
  /** Of the prompt, normalised; null until it was computed. */
  readonly embedding: Float32Array | null;
  readonly mimeType: string;
  /** Of the video file. */
  readonly sizeBytes: number;
  /** Of everything that is kept: video, poster, latents. */
  readonly storedBytes: number;
  /** Of the video file, hexadecimal: tells duplicates. */
  readonly sha256: string;
  readonly hasLatents: boolean;
  readonly hasPoster: boolean;
}

/** A clip to be kept. */
export interface NewClip<S extends ClipSpec = ClipSpec, R extends ClipReport = ClipReport> {
  readonly spec: S;
  readonly report: R;
  readonly file: Blob;
  /** A small still picture, shown until the clip plays. */
  readonly poster?: Blob | null;
  /** Final latents, f32 [C, T, H, W] row-major, of the report's `latentsShape`. */
  readonly latents?: Float32Array | null;
  readonly name?: string;
  readonly createdAt?: number;
  readonly favourite?: boolean;
  readonly embedding?: Float32Array | null;
}

/** Longest name, in characters. */
export const MAX_NAME_LENGTH = 200;

/** A name as it is kept: one line, trimmed, bounded; the fallback where nothing is left. */
export function cleanName(name: string, fallback: string): string {
  const clean = name.replace(/\s+/g, ' ').trim().slice(0, MAX_NAME_LENGTH);
  return clean || fallback.replace(/\s+/g, ' ').trim().slice(0, MAX_NAME_LENGTH) || 'Clip';
}

/** Seconds that a clip plays. */
export function durationSeconds({ report }: ClipRecord): number {
  return report.clip.frames / report.clip.fps;
}
