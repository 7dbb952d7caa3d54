import { KinoraError } from '../../errors';
import { IndexedDbBackend } from './indexeddb-backend';
import { MemoryBackend } from './memory-backend';
import type { StorageBackend } from './storage-backend';

/**
 * IndexedDB where a byte can be written, read and deleted again; else memory, whose `persistent: false` the page
 * should tell the user (private windows of some browsers, embedded views).
 */
export async function chooseBackend(backend: StorageBackend = new IndexedDbBackend()): Promise<StorageBackend> {
  const key = 'probe';
  try {
    await backend.chunks.set(key, new ArrayBuffer(1));
    const read = await backend.chunks.get(key);
    await backend.chunks.delete(key);
    if (read?.byteLength === 1) return backend;
  } catch (thrown) {
    // A full disk is for `download` to report, with sizes; it is no reason to fill the memory.
    if (thrown instanceof KinoraError && thrown.code === 'storage-full') return backend;
  }
  return new MemoryBackend();
}
