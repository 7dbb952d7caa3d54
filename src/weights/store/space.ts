import { KinoraError } from '../../errors';
import type { StorageBackend } from './storage-backend';

/** Room asked for before a download: IndexedDB keeps logs beside the data. */
const SPACE_FACTOR = 1.2;

/** Throws `storage-full` when the browser doesn't offer the room that `missingBytes` more need. */
export async function checkSpace(backend: StorageBackend, missingBytes: number): Promise<void> {
  const space = await backend.space();
  if (space && space.quotaBytes - space.usedBytes < missingBytes * SPACE_FACTOR) throw await storageFull(backend, missingBytes);
}

/**
 * The error that says how much is needed, and how much is free where that is known: Chromium promises every site
 * about 10 GiB whatever the disk holds, so that after a write has failed its figure means nothing.
 */
export async function storageFull(backend: StorageBackend, missingBytes: number, cause?: unknown): Promise<KinoraError> {
  const space = await backend.space();
  const freeBytes = space ? Math.max(0, space.quotaBytes - space.usedBytes) : Infinity;
  const neededBytes = missingBytes * SPACE_FACTOR;
  const offer = freeBytes < neededBytes ? `this browser offers ${megabytes(freeBytes)}` : 'this device has no more to give';
  return new KinoraError(
    'storage-full',
    `The model needs ${megabytes(neededBytes)} more space and ${offer}.`,
    'Free some disk space or remove another model, then start the download again: what has arrived is kept.',
    cause === undefined ? undefined : { cause },
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)} MB`;
}
