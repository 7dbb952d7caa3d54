import { type ByteSource, checkRange } from '../files/byte-source';

/**
 * A file that is kept in chunks, as one ByteSource. `loadChunk` resolves to a checked chunk; the two last ones
 * are held, so that reading tensor after tensor, in whatever order within a layer, loads each chunk once.
 */
export function chunkSource(sizeBytes: number, chunkSizeBytes: number, loadChunk: (index: number) => Promise<ArrayBuffer>): ByteSource {
  const held = new Map<number, Promise<ArrayBuffer>>();
  const HELD_CHUNKS = 2;

  const chunk = (index: number): Promise<ArrayBuffer> => {
    const loading = held.get(index) ?? loadChunk(index);
    held.delete(index);
    held.set(index, loading); // a Map keeps insertion order: the first entry is the one used longest ago
    for (const old of held.keys()) {
      if (held.size <= HELD_CHUNKS) break;
      held.delete(old);
    }
    loading.catch(() => held.get(index) === loading && held.delete(index)); // a failed chunk may succeed next time
    return loading;
  };

  return {
    sizeBytes,
    read: async (offset, length) => {
      checkRange(sizeBytes, offset, length);
      const out = new Uint8Array(length);
      for (let at = offset; at < offset + length;) {
        const index = Math.floor(at / chunkSizeBytes);
        const within = at - index * chunkSizeBytes;
        const part = new Uint8Array(await chunk(index), within).subarray(0, offset + length - at);
        out.set(part, at - offset);
        at += part.length;
      }
      return out;
    },
  };
}
