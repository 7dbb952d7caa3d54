import { importClips, writeArchive, type Clips, type ImportResult, type StoredClip } from '../../engine/clips';
import { archiveName } from './archive-name';
import { toKinoraError, type KinoraError } from '../../errors';

/** Pieces of a zip that are put into one blob: blobs may lie on the disk, pieces lie in memory. */
const BLOB_BYTES = 32 << 20;

/** The library, or a part of it, out as a zip and in again. */
export class Transfer {
  #doing = $state<'export' | 'import' | null>(null);
  #done = $state(0);
  #total = $state(0);
  #message = $state('');
  #error = $state.raw<KinoraError | null>(null);
  readonly #clips: Clips;
  readonly #save: (blob: Blob, name: string) => void;
  #stop: AbortController | null = null;

  constructor(clips: Clips, save: (blob: Blob, name: string) => void) {
    this.#clips = clips;
    this.#save = save;
  }

  get doing() {
    return this.#doing;
  }

  get done(): number {
    return this.#done;
  }

  get total(): number {
    return this.#total;
  }

  /** What the last one did, in words. */
  get message(): string {
    return this.#message;
  }

  get error(): KinoraError | null {
    return this.#error;
  }

  stop(): void {
    this.#stop?.abort();
  }

  dismiss(): void {
    this.#message = '';
    this.#error = null;
  }

  async exportZip(records: readonly StoredClip[]): Promise<void> {
    await this.#work('export', records.length, async (signal, onProgress) => {
      const blobs: Blob[] = [];
      let pieces: Uint8Array<ArrayBuffer>[] = [];
      let bytes = 0;
      for await (const piece of writeArchive(this.#clips, records, { signal, onProgress })) {
        pieces.push(piece);
        bytes += piece.length;
        if (bytes < BLOB_BYTES) continue;
        blobs.push(new Blob(pieces));
        [pieces, bytes] = [[], 0];
      }
      this.#save(new Blob([...blobs, ...pieces], { type: 'application/zip' }), archiveName());
      this.#message = `Exported ${count(records.length)}.`;
    });
  }

  async importZip(zip: Blob): Promise<void> {
    await this.#work('import', 0, async (signal, onProgress) => {
      const result = await importClips(this.#clips, zip, { signal, onProgress });
      this.#message = describeImport(result);
      if (result.failure && result.failure.code !== 'aborted') this.#error = result.failure;
    });
  }

  async #work(
    doing: 'export' | 'import',
    total: number,
    work: (signal: AbortSignal, onProgress: (done: number, total: number) => void) => Promise<void>,
  ): Promise<void> {
    if (this.#doing) return;
    this.dismiss();
    [this.#doing, this.#done, this.#total] = [doing, 0, total];
    this.#stop = new AbortController();
    try {
      await work(this.#stop.signal, (done, all) => ([this.#done, this.#total] = [done, all]));
    } catch (thrown) {
      const error = toKinoraError(thrown);
      if (error.code === 'aborted') this.#message = 'Stopped.';
      else this.#error = error;
    } finally {
      this.#doing = null;
      this.#stop = null;
    }
  }
}

function describeImport({ added, duplicates, refused }: ImportResult): string {
  const parts = [`Imported ${count(added.length)}.`];
  if (duplicates > 0) parts.push(duplicates === 1 ? 'One was here already.' : `${duplicates} were here already.`);
  if (refused.length > 0) parts.push(`${count(refused.length)} could not be read: ${refused[0]!.reason}`);
  return parts.join(' ');
}

function count(clips: number): string {
  return clips === 1 ? '1 clip' : `${clips} clips`;
}
