import { chunkSize, type ManifestFile, type ModelManifest } from '../manifest';
import { sha256Hex } from './hash';
import { chunkKey, type StorageBackend } from './storage-backend';

/** One chunk of a model's file: where it is kept and what it has to be. */
export interface StoredChunk {
  readonly key: string;
  /** Within its file. */
  readonly index: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The chunks of one file, or of all of a model's. */
export function chunksOf(manifest: ModelManifest, file?: ManifestFile): StoredChunk[] {
  return (file ? [file] : manifest.files).flatMap((entry) =>
    entry.chunks.map((sha256, index) => ({
      key: chunkKey(entry.sha256, index),
      index,
      sizeBytes: chunkSize(manifest, entry, index),
      sha256,
    })),
  );
}

/** Whether bytes are this chunk, by length and hash. */
export async function isIntact(bytes: ArrayBuffer, chunk: StoredChunk): Promise<boolean> {
  return bytes.byteLength === chunk.sizeBytes && (await sha256Hex(bytes)) === chunk.sha256;
}

/** Whether two manifests describe the same bytes, whatever else they say. */
export function hasSameFiles(a: ModelManifest, b: ModelManifest): boolean {
  const list = (manifest: ModelManifest) => manifest.files.map((file) => `${file.role} ${file.sha256}`).join();
  return list(a) === list(b) && a.chunkSizeBytes === b.chunkSizeBytes;
}

/**
 * Deletes the chunks that no model's record refers to; resolves to their keys. Keys are read before records: a
 * chunk that another tab is just storing has had its record for longer.
 */
export async function sweepChunks({ chunks, records }: StorageBackend): Promise<string[]> {
  const stored = await chunks.keys();
  const needed = new Set<string>();
  for (const id of await records.keys()) {
    const record = await records.get(id);
    if (record) for (const { key } of chunksOf(record.manifest)) needed.add(key);
  }
  const orphans = stored.filter((key) => !needed.has(key));
  for (const key of orphans) await chunks.delete(key);
  return orphans;
}
