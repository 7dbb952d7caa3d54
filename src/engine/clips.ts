/** The library of clips as the page uses it: the store with the engine's own types, and the checks of what comes from outside. */
import * as v from 'valibot';
import { KinoraError } from '../errors';
import { readArchive, type ImportOptions, type ImportResult } from '../library/archive-reader';
import { writeArchive } from '../library/archive-writer';
import { durationSeconds, MAX_NAME_LENGTH, type ClipRecord, type NewClip } from '../library/clip-record';
import { ClipStore, type ClipStoreOptions } from '../library/clip-store';
import { searchableText, searchClips } from '../library/search';
import { reportSchema } from './report';
import { specSchema, WIDEST_LIMITS, type GenerationSpec } from './spec';
import type { Report } from './types';

export type StoredClip = ClipRecord<GenerationSpec, Report>;
export type ClipToKeep = NewClip<GenerationSpec, Report>;
export type Clips = ClipStore<GenerationSpec, Report>;
export type { ImportResult };
export { ClipStore, durationSeconds, MAX_NAME_LENGTH, searchableText, searchClips, writeArchive };
export type { SortOrder } from '../library/search';
export type { LibraryUsage } from '../library/clip-store';

/** The clips of this browser. Nothing is opened before the first call. */
export function openClips(options: ClipStoreOptions<StoredClip> = {}): Clips {
  return new ClipStore<GenerationSpec, Report>(options);
}

/** A spec from outside (a file, an archive), checked against the format's widest ranges. Throws `invalid-spec`. */
export function parseSpec(json: unknown): GenerationSpec {
  const result = v.safeParse(specSchema(WIDEST_LIMITS), json, { abortEarly: true });
  if (result.success) return result.output;
  throw new KinoraError('invalid-spec', result.issues[0].message, 'The file was changed, or made by another version of Kinora.');
}

/** A report from outside. Throws `invalid-spec`. */
export function parseReport(json: unknown): Report {
  const result = v.safeParse(reportSchema, json, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new KinoraError(
    'invalid-spec',
    `This is not a report: ${v.getDotPath(issue) ?? 'it'} is missing or of the wrong kind.`,
    'The file was changed, or made by another version of Kinora.',
  );
}

/** Adds the clips of an exported library; see `readArchive`. */
export function importClips(
  clips: Clips,
  zip: Blob,
  options: Pick<ImportOptions<GenerationSpec, Report>, 'signal' | 'onProgress'> = {},
): Promise<ImportResult> {
  return readArchive(clips, zip, { ...options, parseSpec, parseReport });
}
