import * as v from 'valibot';
import { KinoraError, throwIfAborted, toKinoraError } from '../errors';
import {
  ARCHIVE_FORMAT,
  ARCHIVE_VERSION,
  archivedClipSchema,
  badArchive,
  MAX_ENTRY_BYTES,
  POSTER_TYPES,
  VIDEO_TYPES,
} from './archive-format';
import type { ClipReport, ClipSpec, NewClip } from './clip-record';
import { sha256Hex, type ClipStore } from './clip-store';
import { readZipDirectory, readZipEntry, type ZipEntry } from './zip-directory';

export interface ImportOptions<S, R> {
  /** Checks a spec or a report from outside. Throws what is wrong with it. */
  readonly parseSpec: (json: unknown) => S;
  readonly parseReport: (json: unknown) => R;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface ImportResult {
  readonly added: readonly string[];
  /** Clips whose video is in the library already. */
  readonly duplicates: number;
  /** Clips that were left out, and why. */
  readonly refused: readonly { readonly folder: string; readonly reason: string }[];
  /** What ended the import early (a full disk, Stop), or null. What was added stays. */
  readonly failure: KinoraError | null;
}

type Folder = Map<string, ZipEntry>;

/**
 * Adds the clips of an exported library, one at a time. The archive is untrusted: names, sizes and contents are checked, and a clip that
 * fails a check is left out, named in the result. Throws `invalid-file` for what is no exported library at all.
 */
export async function readArchive<S extends ClipSpec, R extends ClipReport>(
  store: ClipStore<S, R>,
  zip: Blob,
  options: ImportOptions<S, R>,
): Promise<ImportResult> {
  const entries = await readZipDirectory(zip);
  await checkFormat(zip, entries);
  const folders = groupByClip(entries);
  const known = new Set((await store.list()).map(({ sha256 }) => sha256));
  const added: string[] = [];
  const refused: { folder: string; reason: string }[] = [];
  let duplicates = 0;
  let done = 0;
  for (const [folder, files] of folders) {
    try {
      throwIfAborted(options.signal);
      const { clip, sha256 } = await readClip(zip, files, options);
      if (known.has(sha256)) duplicates++;
      else {
        added.push((await store.add(clip)).id);
        known.add(sha256);
      }
    } catch (thrown) {
      const failure = toKinoraError(thrown);
      // Only what is wrong with this one clip is left behind; anything else ends the import.
      if (failure.code !== 'invalid-file' && failure.code !== 'invalid-spec') return { added, duplicates, refused, failure };
      refused.push({ folder, reason: failure.message });
    }
    options.onProgress?.(++done, folders.size);
  }
  return { added, duplicates, refused, failure: null };
}

async function checkFormat(zip: Blob, entries: readonly ZipEntry[]): Promise<void> {
  const entry = entries.find(({ name }) => name.split('/').at(-1) === `${ARCHIVE_FORMAT}.json`);
  if (!entry) throw badArchive('it is not an exported library');
  const about = parseJson(await readZipEntry(zip, entry, MAX_ENTRY_BYTES['clip.json']));
  const result = v.safeParse(v.object({ format: v.literal(ARCHIVE_FORMAT), version: v.number() }), about);
  if (!result.success) throw badArchive('it is not an exported library');
  if (result.output.version !== ARCHIVE_VERSION) throw badArchive(`it was made by a newer Kinora (format ${result.output.version})`);
}

/** The files of each clip, by folder; whatever else lies in the zip is ignored. */
function groupByClip(entries: readonly ZipEntry[]): Map<string, Folder> {
  const folders = new Map<string, Folder>();
  for (const entry of entries) {
    const match = /(?:^|\/)clips\/([^/]{1,120})\/([a-z0-9.]{1,20})$/.exec(entry.name);
    if (!match) continue;
    const folder = folders.get(match[1]!) ?? new Map<string, ZipEntry>();
    folder.set(match[2]!, entry);
    folders.set(match[1]!, folder);
  }
  return folders;
}

async function readClip<S extends ClipSpec, R extends ClipReport>(
  zip: Blob,
  files: Folder,
  { parseSpec, parseReport }: ImportOptions<S, R>,
): Promise<{ clip: NewClip<S, R>; sha256: string }> {
  const about = files.get('clip.json');
  if (!about) throw badArchive('a clip has no clip.json');
  const result = v.safeParse(archivedClipSchema, parseJson(await readZipEntry(zip, about, MAX_ENTRY_BYTES['clip.json'])));
  if (!result.success) throw badArchive(`clip.json: ${v.getDotPath(result.issues[0]) ?? 'it'} is missing or of the wrong kind`);
  const { spec, report, embedding, name, createdAt, favourite } = result.output;
  const checkedReport = parseReport(report);
  const file = await readTyped(zip, files, 'clip', VIDEO_TYPES, MAX_ENTRY_BYTES.video);
  if (!file) throw badArchive('a clip has no video');
  if (!looksLike(file.type, file.bytes)) throw badArchive('a clip’s video is something else');
  const poster = await readTyped(zip, files, 'poster', POSTER_TYPES, MAX_ENTRY_BYTES.poster);
  const clip: NewClip<S, R> = {
    spec: parseSpec(spec),
    report: checkedReport,
    name,
    createdAt,
    favourite,
    embedding: embedding && Float32Array.from(embedding),
    file: new Blob([file.bytes], { type: file.type }),
    poster: poster && new Blob([poster.bytes], { type: poster.type }),
    latents: await readLatents(zip, files, checkedReport.latentsShape),
  };
  return { clip, sha256: await sha256Hex(file.bytes.buffer) };
}

async function readTyped(zip: Blob, files: Folder, stem: string, types: Readonly<Record<string, string>>, maxBytes: number) {
  for (const [ending, type] of Object.entries(types)) {
    const entry = files.get(`${stem}.${ending}`);
    if (entry) return { bytes: await readZipEntry(zip, entry, maxBytes), type };
  }
  return null;
}

async function readLatents(zip: Blob, files: Folder, shape: readonly number[]): Promise<Float32Array | null> {
  const entry = files.get('latents.f32');
  if (!entry) return null;
  if (entry.sizeBytes !== shape.reduce((product, side) => product * side, 4)) throw badArchive('a clip’s latents do not fit its report');
  return new Float32Array((await readZipEntry(zip, entry, MAX_ENTRY_BYTES['latents.f32'])).buffer);
}

/** ISO base media files begin with a box of type ftyp, Matroska and WebM with an EBML header. */
function looksLike(type: string, bytes: Uint8Array): boolean {
  const head = Array.from(bytes.subarray(0, 8));
  return type === 'video/mp4' ? String.fromCharCode(...head.slice(4)) === 'ftyp' : head.slice(0, 4).join() === '26,69,223,163';
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (thrown) {
    throw badArchive('its description is damaged', thrown);
  }
}
