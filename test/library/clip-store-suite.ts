import { describe, expect, it } from 'vitest';
import { ClipStore } from '../../src/library/clip-store';
import type { ClipRecord } from '../../src/library/clip-record';
import type { ClipStorage } from '../../src/library/storage';
import { madeUpClip, videoBytes } from './made-up-clips';

/** What every storage must do: the same tests on memory and on IndexedDB. */
export function clipStoreSuite(name: string, makeStorage: () => ClipStorage<ClipRecord>): void {
  const open = () => new ClipStore({ storage: makeStorage(), channel: null });

  describe(`clips kept in ${name}`, () => {
    it('come back whole, newest first', async () => {
      const store = open();
      const first = await store.add(madeUpClip(1));
      const second = await store.add(madeUpClip(2, { prompt: '  a dog \n jumps ' }, { embedding: new Float32Array([0.6, 0.8]) }));
      expect((await store.list()).map(({ id }) => id)).toEqual([second.id, first.id]);
      const [record] = await store.getMany([second.id]);
      expect(record).toEqual(second);
      expect(record).toMatchObject({ name: 'a dog jumps', favourite: false, sizeBytes: 300, hasLatents: true, hasPoster: true });
      expect(Array.from(record!.embedding!, (value) => Math.round(value * 10))).toEqual([6, 8]);
      const file = await store.file(first.id);
      expect(file.type).toBe('video/mp4');
      expect(new Uint8Array(await file.arrayBuffer())).toEqual(videoBytes(1));
      expect(new Uint8Array(await (await store.poster(first.id))!.arrayBuffer())).toEqual(new Uint8Array([1, 2, 1]));
      expect(await store.latents(first.id)).toEqual(madeUpClip(1).latents);
      expect(await store.usage()).toEqual({ clips: 2, bytes: 2 * (300 + 3 + 32), removedBytes: 0 });
    });

    it('are renamed and marked; an empty name is the prompt again', async () => {
      const store = open();
      const { id } = await store.add(madeUpClip(1));
      await store.rename(id, '  My\n fox ');
      await store.setFavourite([id], true);
      await store.setEmbedding(id, new Float32Array([1]));
      expect((await store.list())[0]).toMatchObject({ name: 'My fox', favourite: true, embedding: new Float32Array([1]) });
      await store.rename(id, '   ');
      expect((await store.list())[0]!.name).toBe('a fox runs through snow');
    });

    it('removed ones come back by restore, and go with their bytes by purge', async () => {
      const store = open();
      const [a, b] = [await store.add(madeUpClip(1)), await store.add(madeUpClip(2))];
      await store.remove([a.id, b.id]);
      expect(await store.list()).toEqual([]);
      expect(await store.getMany([a.id])).toEqual([null]);
      expect(await store.usage()).toMatchObject({ clips: 0, bytes: 0, removedBytes: 670 });
      await store.restore([b.id]);
      expect((await store.list()).map(({ id }) => id)).toEqual([b.id]);
      expect(await store.purge()).toBe(335);
      expect(await store.purge([b.id])).toBe(0);
      await expect(store.file(a.id)).rejects.toMatchObject({ code: 'invalid-file' });
      await expect(store.restore([a.id])).rejects.toMatchObject({ code: 'invalid-file' });
      expect((await store.file(b.id)).size).toBe(300);
      expect(await store.latents(a.id)).toBeNull();
    });
  });
}
