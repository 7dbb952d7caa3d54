import * as v from 'valibot';
import { KinoraError } from '../errors';
import { MAX_NAME_LENGTH } from './clip-record';

/**
 * A library as a zip: `kinora-library.json` says what it is; each clip is a folder `clips/NAME/` with clip.json (name, spec, report, …),
 * clip.mp4 or clip.webm, and, where there are any, poster.jpg (or .png, .webp) and latents.f32 (little-endian, row-major). Videos don't
 * get smaller, so nothing is compressed; a zip that was packed again by another tool (deflate) is read as well.
 */
export const ARCHIVE_FORMAT = 'kinora-library';
export const ARCHIVE_VERSION = 1;
/** A zip without its 64-bit extension, which many tools still lack, ends here. */
export const MAX_ARCHIVE_BYTES = 0xf000_0000;

/** Largest file of each kind that is read out of an archive. */
export const MAX_ENTRY_BYTES = { 'clip.json': 1 << 20, video: 1 << 30, poster: 4 << 20, 'latents.f32': 1 << 29 } as const;

const finite = v.pipe(v.number(), v.finite());

/** clip.json. Spec and report are checked by whoever knows them. */
export const archivedClipSchema = v.object({
  version: v.literal(1),
  name: v.pipe(v.string(), v.maxLength(MAX_NAME_LENGTH)),
  createdAt: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  favourite: v.boolean(),
  embedding: v.nullable(v.pipe(v.array(finite), v.maxLength(4096))),
  spec: v.unknown(),
  report: v.unknown(),
});

export type ArchivedClip = v.InferOutput<typeof archivedClipSchema>;

export const VIDEO_TYPES: Readonly<Record<string, string>> = { mp4: 'video/mp4', webm: 'video/webm' };
export const POSTER_TYPES: Readonly<Record<string, string>> = { jpg: 'image/jpeg', png: 'image/png', webp: 'image/webp' };

/** The ending that stands for a type, or null for a type that archives don't hold. */
export function endingFor(types: Readonly<Record<string, string>>, type: string): string | null {
  return Object.keys(types).find((ending) => types[ending] === type.split(';')[0]) ?? null;
}

export function badArchive(why: string, cause?: unknown): KinoraError {
  return new KinoraError('invalid-file', `This zip can’t be read: ${why}.`, 'Choose a zip that Kinora’s library exported.', { cause });
}
