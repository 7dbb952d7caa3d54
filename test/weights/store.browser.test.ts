import { afterAll, describe, expect, test, vi } from 'vitest';
import { fileOfRole, modelSizeBytes, parseManifest } from '../../src/weights/manifest';
import { IndexedDbBackend, requestPersistence } from '../../src/weights/store/indexeddb-backend';
import { ModelStore, type StoreProgress } from '../../src/weights/store/model-store';
import { FakeServer } from './fake-server';
import { describeModelStore } from './model-store-suite';
import { randomBytes } from './random';
import { describeStorageBackend } from './storage-backend-suite';
import { makeModel } from './test-model';
import type { WorkerJob, WorkerMessage } from './store.worker';

/** The Storage Buckets API, as far as it is used here; TypeScript has no types for it yet. */
interface StorageBuckets {
  open(name: string, options: { quota: number }): Promise<{ indexedDB: IDBFactory }>;
  delete(name: string): Promise<void>;
}

let counter = 0;
const freshName = () => `kinora-test-${Date.now()}-${counter++}`;
const opened: string[] = [];
function openBackend(name = freshName()): IndexedDbBackend {
  opened.push(name);
  return new IndexedDbBackend(name);
}

afterAll(async () => {
  for (const name of new Set(opened)) for (const database of ['weight-chunks', 'models']) indexedDB.deleteDatabase(`${name}-${database}`);
});

describeStorageBackend('IndexedDB', async () => {
  const name = freshName();
  return { backend: openBackend(name), reopen: () => openBackend(name) };
});
describeModelStore('IndexedDB, with Web Locks', async () => openBackend(), () => navigator.locks); // prettier-ignore

describe('in a real browser', () => {
  test('the page can be asked for persistence', async () => {
    expect(typeof (await requestPersistence())).toBe('boolean');
  });

  test('the browser’s own quota, hit on the way: storage-full, and what arrived is kept', async () => {
    const model = await makeModel({ files: { transformer: randomBytes(6_000_000, 1) }, chunkSizeBytes: 1_000_000 });
    const server = new FakeServer(model.contents, 65_536);
    // A storage bucket has a quota of its own, which Chromium enforces at once; the origin's it looks up only now and then.
    const { storageBuckets } = navigator as unknown as { storageBuckets: StorageBuckets };
    const bucketName = `quota-${Date.now()}`;
    const bucket = await storageBuckets.open(bucketName, { quota: 3_500_000 });
    vi.stubGlobal('indexedDB', bucket.indexedDB);
    try {
      const store = new ModelStore({ backend: new IndexedDbBackend(), fetch: server.fetch });
      await expect(store.download(model.manifest, 'https://models.example/')).rejects.toMatchObject({
        code: 'storage-full',
        message: expect.stringMatching(/needs [3-7]\.\d MB more space and this device has no more to give/) as string,
        cause: { code: 'storage-full', cause: { name: 'QuotaExceededError' } },
      });
      const { storedBytes, complete } = await store.status(model.manifest);
      expect(complete).toBe(false);
      expect(storedBytes).toBeGreaterThan(0);
      expect(await store.remove(model.manifest)).toBe(storedBytes);
    } finally {
      vi.unstubAllGlobals();
      await storageBuckets.delete(bucketName);
    }
  });

  test('the bundled model arrives over HTTP, and is whole after a reload without a network', async () => {
    const base = new URL('/models/storybook/', location.href).href;
    const manifest = parseManifest(await (await fetch(`${base}manifest.json`)).json());
    const name = freshName();
    const store = new ModelStore({ backend: openBackend(name) });
    // Cut the connection once, so that the server's own ranges are used.
    let cut = false;
    const flaky = async (url: string, init: RequestInit) => {
      const response = await fetch(url, init);
      if (cut || !url.endsWith('text-encoder.gguf')) return response;
      cut = true;
      let sent = 0;
      const breaking = new TransformStream<Uint8Array, Uint8Array>({
        transform: (piece, controller) =>
          (sent += piece.length) > manifest.chunkSizeBytes + 1e6 ? controller.error(new TypeError('cut')) : controller.enqueue(piece),
      });
      return new Response(response.body!.pipeThrough(breaking), response);
    };
    const ranges: string[] = [];
    const watched = (url: string, init: RequestInit) => {
      const range = new Headers(init.headers).get('Range');
      if (range) ranges.push(range);
      return flaky(url, init);
    };
    const progress: StoreProgress[] = [];
    await new ModelStore({ backend: openBackend(name), fetch: watched }).download(manifest, base, {
      onProgress: (step) => progress.push(step),
    });
    expect(ranges).toEqual([`bytes=${manifest.chunkSizeBytes}-${fileOfRole(manifest, 'text-encoder').sizeBytes - 1}`]);
    expect(progress.at(-1)!.doneBytes).toBe(modelSizeBytes(manifest));

    const offline = new ModelStore({ backend: openBackend(name), fetch: () => Promise.reject(new TypeError('offline')) });
    expect((await offline.status(manifest)).complete).toBe(true);
    expect((await offline.storedManifest(manifest.id))?.revision).toBe(manifest.revision);
    for (const role of ['transformer', 'autoencoder', 'text-encoder'] as const) {
      const weights = await offline.openWeights(manifest, role);
      for (const weight of weights.names) expect((await weights.read(weight)).length).toBe(weights.info(weight).sizeBytes);
    }
    expect(JSON.parse(new TextDecoder().decode(await offline.readFile(manifest, 'tokenizer')))).toHaveProperty('model');
    expect(await offline.verify(manifest)).toBe(0);
    expect(await store.remove(manifest)).toBe(modelSizeBytes(manifest));
    expect((await offline.status(manifest)).storedBytes).toBe(0);
  });

  test('a page and a worker share one download, whoever comes first', async () => {
    const model = await makeModel({ files: { transformer: randomBytes(200_000, 3) }, chunkSizeBytes: 50_000, id: 'shared-by-two' });
    const name = freshName();
    const server = new FakeServer(model.contents, 1000);
    const worker = new Worker(new URL('./store.worker.ts', import.meta.url), { type: 'module' });
    const messages: WorkerMessage[] = [];
    let onWaiting: () => void;
    const workerWaits = new Promise<void>((resolve) => (onWaiting = resolve));
    const done = new Promise<void>((resolve, reject) => {
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
        messages.push(data);
        if (data.kind === 'progress' && data.waiting) onWaiting();
        if (data.kind === 'done') resolve();
        if (data.kind === 'failed') reject(new Error(data.message));
      };
    });
    try {
      // The page holds the lock from its first request on, which it answers once the worker waits.
      const fetch = async (url: string, init: RequestInit) => {
        worker.postMessage({ database: name, manifest: model.manifest, contents: model.contents } satisfies WorkerJob);
        await workerWaits;
        return server.fetch(url, init);
      };
      await new ModelStore({ backend: openBackend(name), fetch }).download(model.manifest, 'https://models.example/');
      await done;
      expect(messages.at(-1)).toMatchObject({ kind: 'done', requests: 0, complete: true });
      expect(server.requests.length).toBe(1);
    } finally {
      worker.terminate();
    }
  });

  test('a tab that dies in the middle leaves a download that another one finishes', async () => {
    const model = await makeModel({ files: { transformer: randomBytes(400_000, 4) }, chunkSizeBytes: 50_000, id: 'left-behind' });
    const name = freshName();
    const worker = new Worker(new URL('./store.worker.ts', import.meta.url), { type: 'module' });
    await new Promise<void>((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => data.kind === 'progress' && data.doneBytes > 130_000 && resolve();
      worker.postMessage({ database: name, manifest: model.manifest, contents: model.contents, pieceDelayMs: 5 } satisfies WorkerJob);
    });
    worker.terminate(); // releases its lock, as a closed tab does
    const server = new FakeServer(model.contents, 1000);
    const store = new ModelStore({ backend: openBackend(name), fetch: server.fetch });
    const { storedBytes, complete } = await store.status(model.manifest);
    expect(complete).toBe(false);
    expect(storedBytes).toBeGreaterThanOrEqual(100_000);
    await store.download(model.manifest, 'https://models.example/');
    expect(server.bytesSent).toBeLessThanOrEqual(400_000 - storedBytes);
    expect(await store.readFile(model.manifest, 'transformer')).toEqual(model.contents.get('transformer.bin'));
  });
});
