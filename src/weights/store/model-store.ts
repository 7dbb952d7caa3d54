import { KinoraError, throwIfAborted } from '../../errors';
import type { ByteSource } from '../files/byte-source';
import { fileOfRole, type FileRole, fileUrl, type ManifestFile, modelSizeBytes, type ModelManifest } from '../manifest';
import { openWeights, type OpenWeights } from '../open-weights';
import { chunkSource } from './chunk-source';
import { chunksOf, hasSameFiles, isIntact, type StoredChunk, sweepChunks } from './chunks';
import { downloadChunks } from './download-file';
import type { Fetch } from './fetch-range';
import { IndexedDbBackend, requestPersistence } from './indexeddb-backend';
import { type Locks, withLock } from './lock';
import { checkSpace, storageFull } from './space';
import type { ModelRecord, StorageBackend } from './storage-backend';
import { waitFor } from './wait';

export interface StoreStatus {
  readonly sizeBytes: number;
  /** Bytes of checked chunks on this device. */
  readonly storedBytes: number;
  /** Everything is here, and has been checked. */
  readonly complete: boolean;
}

export interface StoreProgress {
  /** Bytes here, of all the model's; never falls within a download. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Another tab is downloading the same model; this one waits for it. */
  readonly waiting: boolean;
}

export interface StoreOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: StoreProgress) => void) | undefined;
}

export interface ModelStoreOptions {
  readonly backend?: StorageBackend;
  readonly fetch?: Fetch;
  readonly locks?: Locks | undefined;
  /** The wait before another try; tests don't. */
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/**
 * Models on this device: downloaded in checked chunks, read back, verified, removed. Works in pages and workers;
 * any number of tabs may use it at once.
 */
export class ModelStore {
  readonly #backend: StorageBackend;
  readonly #fetch: Fetch;
  readonly #locks: Locks | undefined;
  readonly #wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;

  constructor(options: ModelStoreOptions = {}) {
    this.#backend = options.backend ?? new IndexedDbBackend();
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.#locks = 'locks' in options ? options.locks : globalThis.navigator?.locks;
    this.#wait = options.wait ?? waitFor;
  }

  /** What of a model is here. `complete` only after a download that ended, and while none of its chunks has gone. */
  async status(manifest: ModelManifest): Promise<StoreStatus> {
    const sizeBytes = modelSizeBytes(manifest);
    const stored = new Set(await this.#backend.chunks.keys());
    const storedBytes = chunksOf(manifest).reduce((sum, chunk) => sum + (stored.has(chunk.key) ? chunk.sizeBytes : 0), 0);
    const record = await this.#backend.records.get(manifest.id);
    return {
      sizeBytes,
      storedBytes,
      complete: storedBytes === sizeBytes && record?.complete === true && hasSameFiles(record.manifest, manifest),
    };
  }

  /** The manifest of a model as it was last downloaded (wholly or in part), for when its server can't be reached. */
  async storedManifest(id: string): Promise<ModelManifest | null> {
    return (await this.#backend.records.get(id))?.manifest ?? null;
  }

  /**
   * Brings a model here from the folder at `baseUrl`; returns at once when it is here already. Goes on where an
   * earlier download ended. One tab downloads, others wait for it. Throws `network` (what arrived is kept),
   * `corrupt-weights`, `storage-full`, `storage-unavailable`, `unsupported` (insecure page), `aborted`.
   */
  async download(manifest: ModelManifest, baseUrl: string, { signal, onProgress }: StoreOptions = {}): Promise<void> {
    throwIfAborted(signal);
    const totalBytes = modelSizeBytes(manifest);
    let doneBytes = 0;
    let shownBytes = 0;
    const show = (waiting: boolean) => {
      shownBytes = Math.max(shownBytes, doneBytes);
      onProgress?.({ doneBytes: shownBytes, totalBytes, waiting });
    };
    if ((await this.status(manifest)).complete) {
      doneBytes = totalBytes;
      return show(false);
    }
    await withLock(this.#locks, `weights:${manifest.id}`, { signal, onWait: () => show(true) }, async () => {
      const status = await this.status(manifest);
      doneBytes = status.storedBytes;
      show(false);
      if (status.complete) return;
      await checkSpace(this.#backend, totalBytes - status.storedBytes);
      await requestPersistence();
      await this.#backend.records.set(manifest.id, { manifest, baseUrl, complete: false });
      const onBytes = (delta: number) => {
        doneBytes += delta;
        show(false);
      };
      for (const file of manifest.files) await this.#downloadFile(manifest, file, baseUrl, signal, onBytes);
      await this.#backend.records.set(manifest.id, { manifest, baseUrl, complete: true });
      await sweepChunks(this.#backend); // chunks that only an older revision needed
    });
  }

  /** A stored file, read chunk by chunk. Every chunk is checked again as it is read; a damaged one is fetched again. */
  async open(manifest: ModelManifest, role: FileRole): Promise<ByteSource> {
    const file = fileOfRole(manifest, role);
    const record = await this.#backend.records.get(manifest.id);
    if (!record?.complete || !hasSameFiles(record.manifest, manifest))
      throw new KinoraError('invalid-file', `${manifest.name} is not on this device yet.`, 'Download it first.');
    const chunks = chunksOf(manifest, file);
    return chunkSource(file.sizeBytes, manifest.chunkSizeBytes, (index) => this.#loadChunk(record, file, chunks[index]!));
  }

  /** The weights in a stored file, under canonical names. */
  async openWeights(manifest: ModelManifest, role: FileRole): Promise<OpenWeights> {
    return openWeights(await this.open(manifest, role));
  }

  /** A whole stored file, for small ones: tokenizer, vocabulary. */
  async readFile(manifest: ModelManifest, role: FileRole): Promise<Uint8Array<ArrayBuffer>> {
    const source = await this.open(manifest, role);
    return source.read(0, source.sizeBytes);
  }

  /**
   * Hashes every stored chunk again and drops those that changed on disk; the next download fetches them.
   * Resolves to the number of bytes dropped or missing: 0 means that the model is whole.
   */
  async verify(manifest: ModelManifest, { signal, onProgress }: StoreOptions = {}): Promise<number> {
    return withLock(this.#locks, `weights:${manifest.id}`, { signal }, async () => {
      const totalBytes = modelSizeBytes(manifest);
      let doneBytes = 0;
      let badBytes = 0;
      for (const chunk of chunksOf(manifest)) {
        throwIfAborted(signal);
        const stored = await this.#backend.chunks.get(chunk.key);
        if (!stored || !(await isIntact(stored, chunk))) {
          badBytes += chunk.sizeBytes;
          await this.#backend.chunks.delete(chunk.key);
        }
        doneBytes += chunk.sizeBytes;
        onProgress?.({ doneBytes, totalBytes, waiting: false });
      }
      const record = await this.#backend.records.get(manifest.id);
      if (badBytes > 0 && record) await this.#backend.records.set(manifest.id, { ...record, complete: false });
      return badBytes;
    });
  }

  /** Removes a model, but for files that another stored model shares. Resolves to the bytes freed. */
  async remove(manifest: ModelManifest, { signal }: StoreOptions = {}): Promise<number> {
    return withLock(this.#locks, `weights:${manifest.id}`, { signal }, async () => {
      await this.#backend.records.delete(manifest.id);
      const removed = new Set(await sweepChunks(this.#backend));
      return chunksOf(manifest).reduce((sum, chunk) => sum + (removed.has(chunk.key) ? chunk.sizeBytes : 0), 0);
    });
  }

  async #downloadFile(
    manifest: ModelManifest,
    file: ManifestFile,
    baseUrl: string,
    signal: AbortSignal | undefined,
    onBytes: (delta: number) => void,
  ): Promise<void> {
    const stored = new Set(await this.#backend.chunks.keys());
    const missing = chunksOf(manifest, file).filter(({ key }) => !stored.has(key));
    const job = {
      manifest,
      file,
      url: fileUrl(file, baseUrl),
      backend: this.#backend,
      fetch: this.#fetch,
      signal,
      wait: this.#wait,
      onBytes,
    };
    try {
      await downloadChunks(
        job,
        missing.map(({ index }) => index),
      );
    } catch (thrown) {
      if (!(thrown instanceof KinoraError) || thrown.code !== 'storage-full') throw thrown;
      const { sizeBytes, storedBytes } = await this.status(manifest);
      throw await storageFull(this.#backend, sizeBytes - storedBytes, thrown);
    }
  }

  async #loadChunk({ manifest, baseUrl }: ModelRecord, file: ManifestFile, chunk: StoredChunk): Promise<ArrayBuffer> {
    const stored = await this.#backend.chunks.get(chunk.key);
    if (stored && (await isIntact(stored, chunk))) return stored;
    await this.#backend.chunks.delete(chunk.key); // from here on `status` says the truth, whatever happens to the repair
    try {
      await this.#downloadFile(manifest, file, baseUrl, undefined, () => undefined);
      const repaired = await this.#backend.chunks.get(chunk.key);
      if (repaired) return repaired;
      throw new Error('the chunk was removed again');
    } catch (cause) {
      throw new KinoraError(
        'corrupt-weights',
        `${manifest.name} was damaged on this device and could not be repaired.`,
        'Connect to the network and download it again.',
        { cause },
      );
    }
  }
}
