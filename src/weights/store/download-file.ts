import { KinoraError } from '../../errors';
import { chunkSize, type ManifestFile, type ModelManifest } from '../manifest';
import { type Fetch, fetchRange, RangeRefused, TransientFailure } from './fetch-range';
import { sha256Hex } from './hash';
import { chunkKey, type StorageBackend } from './storage-backend';

/** Tries in a row without a new chunk, with waits of 0.5, 1, 2 and 4 s between them, before a person is asked. */
const MAX_FAILURES = 5;
const FIRST_WAIT_MS = 500;
/** Times that one chunk may arrive with the wrong bytes. */
const MAX_CORRUPT = 3;

export interface FileDownload {
  readonly manifest: ModelManifest;
  readonly file: ManifestFile;
  readonly url: string;
  readonly backend: StorageBackend;
  readonly fetch: Fetch;
  readonly signal: AbortSignal | undefined;
  /** Waits before another try; rejects when the signal fires. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Bytes that arrived, as they stream in; negative when they have to be fetched again. */
  readonly onBytes: (delta: number) => void;
}

/**
 * Brings chunks of a file into the store: those of `wanted`, each checked against its hash before it is stored.
 * Consecutive chunks share one ranged request; a server without ranges sends the whole file, of which only wanted
 * chunks are kept. A lost connection is tried again from the first chunk that is missing.
 * Throws `network`, `corrupt-weights`, `storage-full`, `storage-unavailable`, `aborted`; what is stored stays.
 */
export async function downloadChunks(job: FileDownload, wanted: Iterable<number>): Promise<void> {
  const missing = new Set([...wanted].sort((a, b) => a - b));
  const corrupt = new Map<number, number>();
  let ranged = true;
  let failures = 0;
  while (missing.size > 0) {
    const before = missing.size;
    try {
      await fetchRun(job, ranged ? firstRun(missing) : { from: 0, to: job.file.chunks.length }, missing, corrupt);
    } catch (thrown) {
      if (thrown instanceof RangeRefused && ranged) {
        ranged = false;
        continue;
      }
      if (!(thrown instanceof TransientFailure)) throw thrown;
      failures = missing.size < before ? 1 : failures + 1;
      if (failures >= MAX_FAILURES) throw giveUp(job.file, thrown);
      await job.wait(FIRST_WAIT_MS * 2 ** (failures - 1), job.signal);
    }
  }
}

/** The first consecutive chunks that are missing: [from, to). */
function firstRun(missing: ReadonlySet<number>): { from: number; to: number } {
  const from = Math.min(...missing);
  let to = from + 1;
  while (missing.has(to)) to++;
  return { from, to };
}

/** One request; removes from `missing` what arrived whole and right, counts in `corrupt` what arrived wrong. */
async function fetchRun(
  job: FileDownload,
  run: { from: number; to: number },
  missing: Set<number>,
  corrupt: Map<number, number>,
): Promise<void> {
  const { manifest, file, url, fetch, signal } = job;
  const request = {
    url,
    start: run.from * manifest.chunkSizeBytes,
    end: Math.min(run.to * manifest.chunkSizeBytes, file.sizeBytes),
    fileSizeBytes: file.sizeBytes,
    signal,
    fetch,
  };
  let position = 0;
  let chunk: Uint8Array<ArrayBuffer> | null = null;
  let unsettledBytes = 0;
  try {
    for await (const piece of fetchRange(request, (start) => (position = start))) {
      for (let taken = 0; taken < piece.length;) {
        const index = Math.floor(position / manifest.chunkSizeBytes);
        const within = position - index * manifest.chunkSizeBytes;
        const size = chunkSize(manifest, file, index);
        const part = piece.subarray(taken, taken + size - within);
        taken += part.length;
        position += part.length;
        if (!missing.has(index)) continue;
        chunk ??= new Uint8Array(size);
        chunk.set(part, within);
        unsettledBytes += part.length;
        job.onBytes(part.length);
        if (within + part.length < size) continue;
        if (await storeIfRight(job, index, chunk.buffer)) {
          missing.delete(index);
          unsettledBytes = 0;
        } else {
          countCorrupt(file, index, corrupt);
          job.onBytes(-unsettledBytes);
          unsettledBytes = 0;
        }
        chunk = null;
      }
      if (missing.size === 0) return;
    }
  } finally {
    if (unsettledBytes > 0) job.onBytes(-unsettledBytes);
  }
}

async function storeIfRight({ backend, file }: FileDownload, index: number, bytes: ArrayBuffer): Promise<boolean> {
  if ((await sha256Hex(bytes)) !== file.chunks[index]) return false;
  await backend.chunks.set(chunkKey(file.sha256, index), bytes);
  return true;
}

function countCorrupt(file: ManifestFile, index: number, corrupt: Map<number, number>): void {
  const times = (corrupt.get(index) ?? 0) + 1;
  corrupt.set(index, times);
  if (times >= MAX_CORRUPT) throw corruptWeights(file, `part ${index} arrived ${times} times with the wrong bytes`);
}

function giveUp(file: ManifestFile, failure: TransientFailure): KinoraError {
  if (failure.kind === 'content') return corruptWeights(file, failure);
  return new KinoraError(
    'network',
    `The download of ${file.name} was interrupted.`,
    'What has arrived is kept: check the connection and start the download again.',
    { cause: failure },
  );
}

function corruptWeights(file: ManifestFile, cause: unknown): KinoraError {
  return new KinoraError(
    'corrupt-weights',
    `The server’s copy of ${file.name} is not the one that this model needs.`,
    'Try again later; if it stays so, the model’s publisher has to repair it.',
    { cause },
  );
}
