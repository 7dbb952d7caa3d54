import { describe, expect, it } from 'vitest';
import { ClipStore } from '../../src/library/clip-store';
import { clipStoreSuite } from './clip-store-suite';
import { FakeChannel, madeUpClip, memoryStorage } from './made-up-clips';

clipStoreSuite('memory', memoryStorage);

describe('the library', () => {
  it('is listed without reading any bytes', async () => {
    const storage = memoryStorage();
    const store = new ClipStore({ storage, channel: null });
    for (let seed = 0; seed < 5; seed++) await store.add(madeUpClip(seed));
    await store.list();
    await store.usage();
    expect([storage.files.reads, storage.posters.reads, storage.latents.reads]).toEqual([0, 0, 0]);
  });

  it.each(['files', 'posters', 'latents', 'records'] as const)('loses nothing when the disk is full while writing %s', async (part) => {
    const storage = memoryStorage();
    const store = new ClipStore({ storage, channel: null });
    const kept = await store.add(madeUpClip(1));
    storage[part].fail = () => {
      throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
    };
    await expect(store.add(madeUpClip(2))).rejects.toMatchObject({ code: 'storage-full' });
    storage[part].fail = null;
    expect(await store.list()).toEqual([kept]);
    expect((await store.file(kept.id)).size).toBe(300);
    expect([storage.files.map.size, storage.posters.map.size, storage.latents.map.size]).toEqual([1, 1, 1]);
  });

  it('says when the browser refuses storage', async () => {
    const storage = memoryStorage();
    storage.files.fail = () => {
      throw new DOMException('denied', 'InvalidStateError');
    };
    await expect(new ClipStore({ storage, channel: null }).add(madeUpClip(1))).rejects.toMatchObject({ code: 'storage-unavailable' });
  });

  it('tells other tabs what changed', async () => {
    const storage = memoryStorage();
    const [here, there] = FakeChannel.group(2);
    const a = new ClipStore({ storage, channel: here! });
    const b = new ClipStore({ storage, channel: there! });
    const heard: string[] = [];
    const end = b.subscribe((ids) => heard.push(...ids));
    const { id } = await a.add(madeUpClip(1));
    await a.rename(id, 'x');
    expect(heard).toEqual([id, id]);
    expect((await b.getMany([id]))[0]!.name).toBe('x');
    end();
    await a.remove([id]);
    expect(heard).toHaveLength(2);
  });

  it('tidies old removed clips and bytes without a record, and leaves the rest', async () => {
    const storage = memoryStorage();
    let now = 0;
    const store = new ClipStore({ storage, channel: null, now: () => now, lock: (_mode, work) => work() });
    const [old, recent, there] = [await store.add(madeUpClip(1)), await store.add(madeUpClip(2)), await store.add(madeUpClip(3))];
    await store.remove([old.id]);
    now = 3_500_000;
    await store.remove([recent.id]);
    now = 3_700_000;
    storage.files.map.set('orphan', { bytes: new ArrayBuffer(4), type: 'video/mp4' });
    await store.tidy();
    expect([...storage.files.map.keys()].sort()).toEqual([recent.id, there.id].sort());
    expect(storage.records.map.has(old.id)).toBe(false);
    await store.restore([recent.id]);
    expect(await store.list()).toHaveLength(2);
  });
});
