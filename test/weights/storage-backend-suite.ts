import { describe, expect, test } from 'vitest';
import { chunkKey, type StorageBackend } from '../../src/weights/store/storage-backend';
import { randomBytes } from './random';
import { makeModel } from './test-model';

/** What every StorageBackend does. `open` gives a new, empty one; `reopen` another over the same data, where it lasts. */
export function describeStorageBackend(
  name: string,
  open: () => Promise<{ backend: StorageBackend; reopen?: () => StorageBackend }>,
): void {
  describe(`${name} as a storage backend`, () => {
    test('keeps chunks by key', async () => {
      const { chunks } = (await open()).backend;
      const [a, b] = [randomBytes(1000, 1), randomBytes(10, 2)];
      expect(await chunks.get('none')).toBeUndefined();
      await chunks.set(chunkKey('aa', 0), a.buffer);
      await chunks.set(chunkKey('aa', 1), b.buffer);
      expect(new Uint8Array((await chunks.get(chunkKey('aa', 0)))!)).toEqual(a);
      expect((await chunks.keys()).sort()).toEqual(['aa/0', 'aa/1']);
      await chunks.set(chunkKey('aa', 0), b.buffer);
      expect(new Uint8Array((await chunks.get(chunkKey('aa', 0)))!)).toEqual(b);
      await chunks.delete(chunkKey('aa', 0));
      await chunks.delete('none');
      expect(await chunks.keys()).toEqual(['aa/1']);
      expect(await chunks.get(chunkKey('aa', 0))).toBeUndefined();
    });

    test('what was stored or read is a copy', async () => {
      const { chunks } = (await open()).backend;
      const bytes = randomBytes(8, 3);
      const original = bytes.slice();
      await chunks.set('key', bytes.buffer);
      bytes.fill(0);
      const read = new Uint8Array((await chunks.get('key'))!);
      expect(read).toEqual(original);
      read.fill(1);
      expect(new Uint8Array((await chunks.get('key'))!)).toEqual(original);
    });

    test('keeps records apart from chunks', async () => {
      const { backend } = await open();
      const { manifest } = await makeModel({ files: { transformer: randomBytes(10, 4) }, chunkSizeBytes: 4 });
      const record = { manifest, baseUrl: 'https://example.org/', complete: false };
      await backend.records.set(manifest.id, record);
      expect(await backend.records.get(manifest.id)).toEqual(record);
      await backend.records.set(manifest.id, { ...record, complete: true });
      expect((await backend.records.get(manifest.id))?.complete).toBe(true);
      expect(await backend.records.keys()).toEqual([manifest.id]);
      expect(await backend.chunks.keys()).toEqual([]);
    });

    test('many writes at once', async () => {
      const { chunks } = (await open()).backend;
      await Promise.all(Array.from({ length: 20 }, (_, i) => chunks.set(`many/${i}`, randomBytes(100, i).buffer)));
      expect((await chunks.keys()).length).toBe(20);
      const back = await Promise.all(Array.from({ length: 20 }, (_, i) => chunks.get(`many/${i}`)));
      back.forEach((bytes, i) => expect(new Uint8Array(bytes!)).toEqual(randomBytes(100, i)));
    });

    test('says how much room there is, or that it doesn’t know', async () => {
      const space = await (await open()).backend.space();
      if (space) expect(space.quotaBytes).toBeGreaterThan(space.usedBytes);
    });

    test('lasts as long as it says', async () => {
      const { backend, reopen } = await open();
      expect(backend.persistent).toBe(reopen !== undefined);
      if (!reopen) return;
      await backend.chunks.set('kept', randomBytes(5, 5).buffer);
      expect(new Uint8Array((await reopen().chunks.get('kept'))!)).toEqual(randomBytes(5, 5));
    });
  });
}
