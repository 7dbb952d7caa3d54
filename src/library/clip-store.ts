import { KinoraError } from '../errors';
import { cleanName, type ClipRecord, type ClipReport, type ClipSpec, type NewClip } from './clip-record';
import { indexedDbStorage } from './indexeddb-storage';
import { withLibraryLock, type LibraryLock } from './lock';
import { toStorageError, type ClipStorage } from './storage';

/** Tells other tabs, and is told by them, which clips changed. A `BroadcastChannel` is one. */
export interface ChangeChannel {
  postMessage(ids: readonly string[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
  close(): void;
}

export interface ClipStoreOptions<Record> {
  readonly storage?: ClipStorage<Record>;
  readonly channel?: ChangeChannel | null;
  readonly lock?: LibraryLock;
  readonly now?: () => number;
}

export interface LibraryUsage {
  readonly clips: number;
  /** Video, posters and latents of the clips that are there. */
  readonly bytes: number;
  /** Of clips that were removed and can still be restored. */
  readonly removedBytes: number;
}

/** A removed clip that nobody restored goes for good at the first opening after this long (another tab may still offer an undo). */
const TOMBSTONE_MS = 60 * 60 * 1000;
const CHANNEL = 'kinora-clips';

/**
 * The clips on this device. The bytes are written before the record and deleted after it, so that a record never lacks its bytes:
 * whatever fails half-way leaves the library as it was. Methods reject with `storage-full`, `storage-unavailable`, or `invalid-file`
 * for a clip that is gone.
 */
export class ClipStore<S extends ClipSpec = ClipSpec, R extends ClipReport = ClipReport> {
  readonly #storage: ClipStorage<ClipRecord<S, R>>;
  readonly #channel: ChangeChannel | null;
  readonly #lock: LibraryLock;
  readonly #now: () => number;
  readonly #listeners = new Set<(ids: readonly string[]) => void>();

  constructor(options: ClipStoreOptions<ClipRecord<S, R>> = {}) {
    this.#storage = options.storage ?? indexedDbStorage<ClipRecord<S, R>>();
    this.#lock = options.lock ?? withLibraryLock;
    this.#now = options.now ?? Date.now;
    this.#channel =
      options.channel === undefined && typeof BroadcastChannel === 'function' ? new BroadcastChannel(CHANNEL) : (options.channel ?? null);
    this.#channel?.addEventListener('message', ({ data }) => {
      if (Array.isArray(data) && data.every((id) => typeof id === 'string')) this.#tell(data);
    });
  }

  /** Calls `listener` with the ids of clips that changed, here or in another tab. Returns what ends it. */
  subscribe(listener: (ids: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Keeps a clip; resolves to its record. */
  async add(clip: NewClip<S, R>): Promise<ClipRecord<S, R>> {
    const { spec, report, file, poster = null, latents = null } = clip;
    const id = crypto.randomUUID();
    const { records, files, posters, latents: latentStore } = this.#storage;
    try {
      const bytes = await file.arrayBuffer();
      const posterBytes = (await poster?.arrayBuffer()) ?? null;
      // A copy: the view may look at a part of a larger buffer.
      const latentBytes = latents ? latents.slice().buffer : null;
      const record: ClipRecord<S, R> = {
        version: 1,
        id,
        name: cleanName(clip.name ?? '', spec.prompt),
        spec,
        report,
        createdAt: clip.createdAt ?? this.#now(),
        favourite: clip.favourite ?? false,
        removedAt: null,
        embedding: clip.embedding ?? null,
        mimeType: file.type || report.clip.mimeType,
        sizeBytes: bytes.byteLength,
        storedBytes: bytes.byteLength + (posterBytes?.byteLength ?? 0) + (latentBytes?.byteLength ?? 0),
        sha256: await sha256Hex(bytes),
        hasLatents: latentBytes !== null,
        hasPoster: posterBytes !== null,
      };
      await this.#lock('shared', async () => {
        await files.set(id, { bytes, type: record.mimeType });
        if (posterBytes) await posters.set(id, { bytes: posterBytes, type: poster!.type });
        if (latentBytes) await latentStore.set(id, latentBytes);
        await records.set(id, record);
      });
      this.#announce([id]);
      return record;
    } catch (thrown) {
      await this.#deleteBytes([id]).catch(() => undefined); // The first failure is the one to tell; what stays is swept at the next start.
      throw toStorageError(thrown, 'the clip');
    }
  }

  /** Every clip that is there, newest first. Reads no bytes. */
  async list(): Promise<ClipRecord<S, R>[]> {
    const all = await this.#guard('the library', () => this.#storage.records.all());
    return all.filter(({ removedAt }) => removedAt === null).sort((a, b) => b.createdAt - a.createdAt);
  }

  /** Records by id; null for those that are removed or gone. */
  async getMany(ids: readonly string[]): Promise<(ClipRecord<S, R> | null)[]> {
    const found = await this.#guard('the library', () => this.#storage.records.getMany(ids));
    return found.map((record) => (record && record.removedAt === null ? record : null));
  }

  /** The video file. */
  async file(id: string): Promise<Blob> {
    const stored = await this.#guard('the clip', () => this.#storage.files.get(id));
    if (!stored) throw gone();
    return new Blob([stored.bytes], { type: stored.type });
  }

  /** The still picture, or null where the clip has none. */
  async poster(id: string): Promise<Blob | null> {
    const stored = await this.#guard('the clip', () => this.#storage.posters.get(id));
    return stored ? new Blob([stored.bytes], { type: stored.type }) : null;
  }

  /** Final latents, or null where they were not kept. */
  async latents(id: string): Promise<Float32Array | null> {
    const stored = await this.#guard('the clip', () => this.#storage.latents.get(id));
    return stored ? new Float32Array(stored) : null;
  }

  /** Gives a clip a name; an empty one brings the prompt back. */
  rename(id: string, name: string): Promise<void> {
    return this.#change([id], (record) => ({ ...record, name: cleanName(name, record.spec.prompt) }));
  }

  setFavourite(ids: readonly string[], favourite: boolean): Promise<void> {
    return this.#change(ids, (record) => ({ ...record, favourite }));
  }

  setEmbedding(id: string, embedding: Float32Array): Promise<void> {
    return this.#change([id], (record) => ({ ...record, embedding }));
  }

  /** Takes clips out of the library; `restore` brings them back until they are purged. */
  remove(ids: readonly string[]): Promise<void> {
    const removedAt = this.#now();
    return this.#change(ids, (record) => ({ ...record, removedAt }));
  }

  restore(ids: readonly string[]): Promise<void> {
    return this.#change(ids, (record) => ({ ...record, removedAt: null }));
  }

  /** Deletes removed clips for good: those of `ids`, or all. Clips that are there are never touched. Resolves to the bytes freed. */
  async purge(ids?: readonly string[]): Promise<number> {
    return this.#guard('the library', async () => {
      const candidates = ids ? await this.#storage.records.getMany(ids) : await this.#storage.records.all();
      const removed = candidates.filter((record) => record !== undefined && record.removedAt !== null) as ClipRecord<S, R>[];
      const doomed = removed.map(({ id }) => id);
      if (doomed.length === 0) return 0;
      await this.#storage.records.delete(doomed);
      await this.#deleteBytes(doomed);
      this.#announce(doomed);
      return removed.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
    });
  }

  /** Removes what earlier pages left: old removed clips, and bytes whose record was never written. Skipped while another tab writes. */
  async tidy(): Promise<void> {
    await this.#guard('the library', async () => {
      const old = this.#now() - TOMBSTONE_MS;
      const all = await this.#storage.records.all();
      await this.purge(all.filter(({ removedAt }) => removedAt !== null && removedAt < old).map(({ id }) => id));
      await this.#lock('exclusive', async () => {
        const known = new Set(await this.#storage.records.keys());
        const { files, posters, latents } = this.#storage;
        for (const store of [files, posters, latents]) {
          const orphans = (await store.keys()).filter((id) => !known.has(id));
          if (orphans.length > 0) await store.delete(orphans);
        }
      });
    });
  }

  async usage(): Promise<LibraryUsage> {
    const all = await this.#guard('the library', () => this.#storage.records.all());
    const bytesOf = (records: readonly ClipRecord[]) => records.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
    const there = all.filter(({ removedAt }) => removedAt === null);
    return { clips: there.length, bytes: bytesOf(there), removedBytes: bytesOf(all) - bytesOf(there) };
  }

  close(): void {
    this.#channel?.close();
    this.#listeners.clear();
  }

  async #change(ids: readonly string[], change: (record: ClipRecord<S, R>) => ClipRecord<S, R>): Promise<void> {
    await this.#guard('the clip', async () => {
      for (const id of ids)
        await this.#storage.records.update(id, (before) => {
          if (!before) throw gone();
          return change(before);
        });
    });
    this.#announce(ids);
  }

  async #deleteBytes(ids: readonly string[]): Promise<void> {
    const { files, posters, latents } = this.#storage;
    await Promise.all([files.delete(ids), posters.delete(ids), latents.delete(ids)]);
  }

  async #guard<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw toStorageError(thrown, doing);
    }
  }

  #announce(ids: readonly string[]): void {
    this.#channel?.postMessage(ids);
    this.#tell(ids);
  }

  #tell(ids: readonly string[]): void {
    for (const listener of this.#listeners) listener(ids);
  }
}

function gone(): KinoraError {
  return new KinoraError('invalid-file', 'This clip is no longer in the library.', 'It was deleted, perhaps in another tab.');
}

/** SHA-256 in hexadecimal. */
export async function sha256Hex(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
