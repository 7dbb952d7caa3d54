import { expect, test } from 'vitest';
import { IndexedDbBackend } from '../../src/weights/store/indexeddb-backend';
import { MemoryBackend } from '../../src/weights/store/memory-backend';
import { ModelStore } from '../../src/weights/store/model-store';
import { FakeLocks } from './fake-locks';
import { FakeServer } from './fake-server';
import { describeModelStore } from './model-store-suite';
import { randomBytes } from './random';
import { describeStorageBackend } from './storage-backend-suite';
import { makeModel } from './test-model';

describeStorageBackend('memory', async () => ({ backend: new MemoryBackend() }));
describeModelStore('memory', async () => new MemoryBackend(), lockProvider());

/** One set of locks for all stores: tests use models of one name one after another. */
function lockProvider(): () => FakeLocks {
  const locks = new FakeLocks();
  return () => locks;
}

test('a quota that is hit halfway ends in storage-full with the sizes; a retry with more room goes on', async () => {
  const model = await makeModel({ files: { transformer: randomBytes(3_000_000, 1) }, chunkSizeBytes: 1_000_000 });
  const server = new FakeServer(model.contents, 65_536);
  const backend = new MemoryBackend(2_500_000);
  // The browser overstates the room that there is, as some do on a full disk.
  let stated = { usedBytes: 0, quotaBytes: 1e9 };
  const store = new ModelStore({
    backend: { persistent: false, chunks: backend.chunks, records: backend.records, space: async () => stated },
    fetch: async (url, init) => {
      const response = await server.fetch(url, init);
      stated = { usedBytes: 2_000_000, quotaBytes: 2_500_000 };
      return response;
    },
    locks: new FakeLocks(),
  });
  await expect(store.download(model.manifest, 'https://models.example/')).rejects.toMatchObject({
    code: 'storage-full',
    message: 'The model needs 1.2 MB more space and this browser offers 0.5 MB.',
  });
  expect((await store.status(model.manifest)).storedBytes).toBe(2_000_000);
});

test('where there is no IndexedDB, that is a typed error', async () => {
  await expect(new IndexedDbBackend().records.keys()).rejects.toMatchObject({ code: 'storage-unavailable' });
});

test('without Web Locks a download still works', async () => {
  const model = await makeModel({ files: { transformer: randomBytes(30, 1) }, chunkSizeBytes: 10 });
  const store = new ModelStore({ backend: new MemoryBackend(), fetch: new FakeServer(model.contents).fetch, locks: undefined });
  await store.download(model.manifest, 'https://models.example/');
  expect((await store.status(model.manifest)).complete).toBe(true);
});
