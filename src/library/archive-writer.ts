import { Zip, ZipPassThrough } from 'fflate';
import { KinoraError, throwIfAborted } from '../errors';
import {
  ARCHIVE_FORMAT,
  ARCHIVE_VERSION,
  endingFor,
  MAX_ARCHIVE_BYTES,
  POSTER_TYPES,
  VIDEO_TYPES,
  type ArchivedClip,
} from './archive-format';
import type { ClipRecord, ClipReport, ClipSpec } from './clip-record';
import type { ClipStore } from './clip-store';

interface ArchiveOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * The clips as a zip, in pieces as they are read: never more than one clip is in memory. Throws `unsupported` for more than a zip can
 * hold (about 4 GB), before anything is read.
 */
export async function* writeArchive<S extends ClipSpec, R extends ClipReport>(
  store: ClipStore<S, R>,
  records: readonly ClipRecord<S, R>[],
  { signal, onProgress }: ArchiveOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const bytes = records.reduce((sum, { storedBytes }) => sum + storedBytes + 16_384, 0);
  if (bytes > MAX_ARCHIVE_BYTES)
    throw new KinoraError(
      'unsupported',
      'These clips are more than one zip can hold (4 GB).',
      'Select some of them and export those, then the others.',
    );
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let failure: Error | null = null;
  const zip = new Zip((error, piece) => {
    if (error) failure = error;
    else pieces.push(piece as Uint8Array<ArrayBuffer>);
  });
  const add = (name: string, content: Uint8Array, modifiedAt: number) => {
    const entry = new ZipPassThrough(name);
    // The only years that a zip can write.
    entry.mtime = new Date(Math.min(Math.max(modifiedAt, Date.UTC(1981, 0)), Date.UTC(2098, 0)));
    zip.add(entry);
    entry.push(content, true);
    if (failure) throw failure;
  };
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value, null, 1));

  add(`${ARCHIVE_FORMAT}.json`, json({ format: ARCHIVE_FORMAT, version: ARCHIVE_VERSION, clips: records.length }), Date.now());
  for (const [index, record] of records.entries()) {
    throwIfAborted(signal);
    const folder = `clips/${String(index + 1).padStart(5, '0')}-${record.id}`;
    const { name, createdAt, favourite, spec, report, embedding } = record;
    const file = await store.file(record.id);
    const poster = record.hasPoster ? await store.poster(record.id) : null;
    const latents = record.hasLatents ? await store.latents(record.id) : null;
    const archived: ArchivedClip = {
      version: 1,
      name,
      createdAt,
      favourite,
      // Six digits are far more than a search needs.
      embedding: embedding && Array.from(embedding, (value) => Math.round(value * 1e6) / 1e6),
      spec,
      report,
    };
    add(`${folder}/clip.json`, json(archived), createdAt);
    add(`${folder}/clip.${endingFor(VIDEO_TYPES, file.type) ?? 'mp4'}`, new Uint8Array(await file.arrayBuffer()), createdAt);
    const ending = poster && endingFor(POSTER_TYPES, poster.type);
    if (poster && ending) add(`${folder}/poster.${ending}`, new Uint8Array(await poster.arrayBuffer()), createdAt);
    if (latents) add(`${folder}/latents.f32`, new Uint8Array(latents.buffer), createdAt);
    onProgress?.(index + 1, records.length);
    yield* pieces.splice(0);
  }
  zip.end();
  yield* pieces.splice(0);
}
