import { afterEach, describe, expect, it } from 'vitest';
import type { ClipRecord } from '../../src/library/clip-record';
import { ClipStore } from '../../src/library/clip-store';
import { indexedDbStorage } from '../../src/library/indexeddb-storage';
import { clipStoreSuite } from './clip-store-suite';
import { madeUpClip } from './made-up-clips';

let count = 0;
const prefix = () => `test-clips-${Date.now()}-${count++}`;

afterEach(async () => {
  for (const { name } of await indexedDB.databases()) if (name?.startsWith('test-clips-')) indexedDB.deleteDatabase(name);
});

clipStoreSuite('IndexedDB', () => indexedDbStorage(prefix()));

describe('the library in a browser', () => {
  it('survives a reopening, and two tabs see each other’s changes', async () => {
    const name = prefix();
    const a = new ClipStore({ storage: indexedDbStorage<ClipRecord>(name) });
    const b = new ClipStore({ storage: indexedDbStorage<ClipRecord>(name) });
    const heard = new Promise<readonly string[]>((resolve) => b.subscribe(resolve));
    const { id } = await a.add(madeUpClip(1));
    expect(await heard).toEqual([id]);
    expect((await b.list())[0]!.id).toBe(id);
    // Both change the same record at once: neither change is lost.
    await Promise.all([a.rename(id, 'mine'), b.setFavourite([id], true)]);
    expect((await a.list())[0]).toMatchObject({ name: 'mine', favourite: true });
    a.close();
    b.close();
  });

  it('tidies by a lock that another writer holds off', async () => {
    const storage = indexedDbStorage<never>(prefix());
    const store = new ClipStore({ storage, channel: null });
    await storage.files.set('orphan', { bytes: new ArrayBuffer(8), type: 'video/mp4' });
    await navigator.locks.request('kinora-library', { mode: 'shared' }, () => store.tidy());
    expect(await storage.files.keys()).toEqual(['orphan']);
    await store.tidy();
    expect(await storage.files.keys()).toEqual([]);
  });
});
