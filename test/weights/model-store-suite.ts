import { describe, expect, test, vi } from 'vitest';
import type { KinoraError } from '../../src/errors';
import type { Locks } from '../../src/weights/store/lock';
import { ModelStore, type ModelStoreOptions, type StoreProgress } from '../../src/weights/store/model-store';
import { chunkKey, type ModelRecord, type StorageBackend } from '../../src/weights/store/storage-backend';
import { FakeServer, type Fault } from './fake-server';
import { randomBytes } from './random';
import { makeModel, type TestModel } from './test-model';

const BASE = 'https://models.example/test-model/';
/** Four chunks, the last one short; a file of one chunk beside it. */
const CHUNK = 100;
const TRANSFORMER = randomBytes(350, 1);
const TOKENIZER = randomBytes(30, 2);

async function thrown(work: Promise<unknown>): Promise<KinoraError> {
  return work.then(
    () => {
      throw new Error('it should have failed');
    },
    (error: KinoraError) => error,
  );
}

/** What ModelStore does, on any backend. `open` gives a new, empty backend; `locks` gives locks that its stores share. */
export function describeModelStore(name: string, open: () => Promise<StorageBackend>, locks: () => Locks): void {
  describe(`ModelStore on ${name}`, () => {
    async function setUp(files: TestModel | null = null, options: Partial<ModelStoreOptions> = {}) {
      const model = files ?? (await makeModel({ files: { transformer: TRANSFORMER, tokenizer: TOKENIZER }, chunkSizeBytes: CHUNK }));
      const server = new FakeServer(model.contents);
      const backend = options.backend ?? (await open());
      const waits: number[] = [];
      const all: ModelStoreOptions = { backend, fetch: server.fetch, locks: locks(), wait: async (ms) => void waits.push(ms), ...options };
      return { ...model, server, backend, waits, options: all, store: new ModelStore(all) };
    }

    test('downloads, says that it is complete, and reads back every byte', async () => {
      const { store, manifest, server } = await setUp();
      expect(await store.status(manifest)).toEqual({ sizeBytes: 380, storedBytes: 0, complete: false });
      const progress: StoreProgress[] = [];
      await store.download(manifest, BASE, { onProgress: (step) => progress.push(step) });
      expect(await store.status(manifest)).toEqual({ sizeBytes: 380, storedBytes: 380, complete: true });
      // By bytes as they stream in, never backwards, up to the whole.
      expect(progress.length).toBeGreaterThan(380 / 7);
      for (let i = 1; i < progress.length; i++) expect(progress[i]!.doneBytes).toBeGreaterThanOrEqual(progress[i - 1]!.doneBytes);
      expect(progress.at(-1)).toEqual({ doneBytes: 380, totalBytes: 380, waiting: false });
      // A whole file is asked for plainly, in one request.
      expect(server.requests).toEqual([
        { name: 'transformer.bin', range: null },
        { name: 'tokenizer.bin', range: null },
      ]);

      expect(await store.readFile(manifest, 'transformer')).toEqual(TRANSFORMER);
      expect(await store.readFile(manifest, 'tokenizer')).toEqual(TOKENIZER);
      const source = await store.open(manifest, 'transformer');
      for (const [offset, length] of [
        [0, 350],
        [95, 10],
        [99, 202],
        [349, 1],
        [100, 100],
        [350, 0],
      ] as const)
        // prettier-ignore
        expect(await source.read(offset, length)).toEqual(TRANSFORMER.slice(offset, offset + length));
      await expect(source.read(340, 11)).rejects.toMatchObject({ code: 'invalid-file' });

      await store.download(manifest, BASE);
      expect(server.requests.length).toBe(2); // a second visit asks for nothing
      expect(await store.storedManifest(manifest.id)).toEqual(manifest);
      expect(await store.storedManifest('another')).toBeNull();
    });

    test('writes "complete" after everything else, and no chunk before its record', async () => {
      const inner = await open();
      const writes: string[] = [];
      const backend: StorageBackend = {
        persistent: inner.persistent,
        space: () => inner.space(),
        chunks: { ...inner.chunks, set: async (key, value) => (writes.push('chunk'), inner.chunks.set(key, value)) },
        records: {
          ...inner.records,
          set: async (key, value: ModelRecord) => (writes.push(value.complete ? 'complete' : 'begun'), inner.records.set(key, value)),
        },
      };
      const { store, manifest } = await setUp(null, { backend });
      await store.download(manifest, BASE);
      expect(writes).toEqual(['begun', 'chunk', 'chunk', 'chunk', 'chunk', 'chunk', 'complete']);
    });

    test('what is not here can’t be opened', async () => {
      const { store, manifest, backend } = await setUp();
      expect(await thrown(store.open(manifest, 'transformer'))).toMatchObject({ code: 'invalid-file' });
      // Nor can what is only here in part: existence is not completeness.
      await backend.records.set(manifest.id, { manifest, baseUrl: BASE, complete: false });
      expect(await thrown(store.open(manifest, 'transformer'))).toMatchObject({ code: 'invalid-file' });
    });

    test('a tab that died between the last chunk and "complete" has nothing left to fetch', async () => {
      const { store, manifest, server, backend } = await setUp();
      await store.download(manifest, BASE);
      await backend.records.set(manifest.id, { manifest, baseUrl: BASE, complete: false });
      expect(await store.status(manifest)).toEqual({ sizeBytes: 380, storedBytes: 380, complete: false });
      server.requests.length = 0;
      await store.download(manifest, BASE);
      expect(server.requests).toEqual([]);
      expect((await store.status(manifest)).complete).toBe(true);
    });

    test('goes on by itself after lost connections, from the first missing chunk', async () => {
      const { store, manifest, server, waits } = await setUp();
      const faults: (Fault | undefined)[] = [{ kind: 'cut', afterBytes: 250 }, { kind: 'offline' }, { kind: 'status', status: 503 }];
      server.faultOf = (_, count) => faults[count - 1];
      const progress: StoreProgress[] = [];
      await store.download(manifest, BASE, { onProgress: (step) => progress.push(step) });
      expect(server.requests.map(({ range }) => range)).toEqual([null, 'bytes=200-349', 'bytes=200-349', 'bytes=200-349', null]);
      expect(waits).toEqual([500, 1000, 2000]);
      expect(server.bytesSent).toBe(250 + 150 + 30);
      expect(progress.at(-1)!.doneBytes).toBe(380); // bytes that came twice count once
      for (let i = 1; i < progress.length; i++) expect(progress[i]!.doneBytes).toBeGreaterThanOrEqual(progress[i - 1]!.doneBytes);
      expect(await store.readFile(manifest, 'transformer')).toEqual(TRANSFORMER);
    });

    test('gives up after a few tries, keeps what arrived, and resumes another day', async () => {
      const { store, manifest, server, options } = await setUp();
      server.faultOf = (_, count) => (count === 1 ? { kind: 'cut', afterBytes: 250 } : { kind: 'offline' });
      const error = await thrown(store.download(manifest, BASE));
      expect(error).toMatchObject({ code: 'network', message: expect.stringContaining('transformer.bin') as string });
      expect(error.hint).toMatch(/kept/);
      expect(server.requests.length).toBe(5);
      expect(await store.status(manifest)).toEqual({ sizeBytes: 380, storedBytes: 200, complete: false });

      const again = new FakeServer(new Map([['transformer.bin', TRANSFORMER], ['tokenizer.bin', TOKENIZER]])); // prettier-ignore
      const reloaded = new ModelStore({ ...options, fetch: again.fetch });
      const progress: StoreProgress[] = [];
      await reloaded.download(manifest, BASE, { onProgress: (step) => progress.push(step) });
      expect(progress[0]).toEqual({ doneBytes: 200, totalBytes: 380, waiting: false });
      expect(again.requests).toEqual([
        { name: 'transformer.bin', range: 'bytes=200-349' },
        { name: 'tokenizer.bin', range: null },
      ]);
      expect(await reloaded.readFile(manifest, 'transformer')).toEqual(TRANSFORMER);
    });

    test('a chunk with wrong bytes is fetched again, alone', async () => {
      const { store, manifest, server } = await setUp();
      server.faultOf = (_, count) => (count === 1 ? { kind: 'flip', at: 120 } : undefined);
      await store.download(manifest, BASE);
      expect(server.requests.map(({ range }) => range)).toEqual([null, 'bytes=100-199', null]);
      expect(await store.readFile(manifest, 'transformer')).toEqual(TRANSFORMER);
    });

    test('a chunk that stays wrong ends in corrupt-weights, and is never stored', async () => {
      const { store, manifest, server, backend } = await setUp();
      server.faultOf = ({ name }) => (name === 'transformer.bin' ? { kind: 'flip', at: 120 } : undefined);
      expect(await thrown(store.download(manifest, BASE))).toMatchObject({ code: 'corrupt-weights' });
      expect(server.requests.length).toBe(3);
      const file = manifest.files[0]!;
      expect((await backend.chunks.keys()).sort()).toEqual([0, 2, 3].map((index) => chunkKey(file.sha256, index)).sort());
      expect((await store.status(manifest)).complete).toBe(false);
    });

    test.each<[string, Fault]>([
      ['too short', { kind: 'truncate', afterBytes: 130 }],
      ['too long', { kind: 'overlong' }],
    ])('an answer that is %s is asked for again; if it stays so, corrupt-weights', async (_, fault) => {
      const first = await setUp();
      first.server.faultOf = (_, count) => (count === 1 ? fault : undefined);
      await first.store.download(first.manifest, BASE);
      expect(await first.store.readFile(first.manifest, 'transformer')).toEqual(TRANSFORMER);
      if (fault.kind === 'overlong') return; // the bytes that were asked for were all there
      const second = await setUp();
      second.server.faultOf = () => ({ kind: 'truncate', afterBytes: 30 });
      expect(await thrown(second.store.download(second.manifest, BASE))).toMatchObject({ code: 'corrupt-weights' });
      expect(second.server.requests.length).toBeLessThanOrEqual(6);
    });

    test.each<[string, Fault]>([
      ['ignores ranges', { kind: 'ignore-range' }],
      ['sends another range', { kind: 'content-range', value: 'bytes 0-149/350' }],
      ['says another size', { kind: 'content-range', value: 'bytes 200-349/999' }],
      ['hides Content-Range', { kind: 'content-range', value: null }],
      ['answers 416', { kind: 'status', status: 416 }],
    ])('a server that %s is asked for the whole file, of which the missing part is kept', async (_, fault) => {
      const { store, manifest, server } = await setUp();
      server.faultOf = ({ range }, count) => (count === 1 ? { kind: 'cut', afterBytes: 250 } : range ? fault : undefined);
      await store.download(manifest, BASE);
      const ranges = server.requests.slice(0, -1).map(({ range }) => range); // the last one is the tokenizer's
      expect(ranges).toEqual(fault.kind === 'ignore-range' ? [null, 'bytes=200-349'] : [null, 'bytes=200-349', null]);
      expect(await store.readFile(manifest, 'transformer')).toEqual(TRANSFORMER);
      expect((await store.status(manifest)).complete).toBe(true);
    });

    test('a file that the server doesn’t have is said at once', async () => {
      const { store, manifest, server, waits } = await setUp();
      server.faultOf = () => ({ kind: 'status', status: 404 });
      const error = await thrown(store.download(manifest, BASE));
      expect(error).toMatchObject({ code: 'network', message: expect.stringMatching(/404.*transformer\.bin/) as string });
      expect(server.requests.length).toBe(1);
      expect(waits).toEqual([]);
    });

    test('an error page with status 200 is not mistaken for weights', async () => {
      const model = await makeModel({ files: { transformer: TRANSFORMER }, chunkSizeBytes: CHUNK });
      const { store, manifest } = await setUp(model, { fetch: async () => new Response('<html>'.repeat(100)) });
      expect(await thrown(store.download(manifest, BASE))).toMatchObject({ code: 'corrupt-weights' });
    });

    test('stopping keeps what arrived', async () => {
      const { store, manifest, server } = await setUp();
      const controller = new AbortController();
      const download = store.download(manifest, BASE, {
        signal: controller.signal,
        onProgress: ({ doneBytes }) => doneBytes > 230 && controller.abort(),
      });
      expect(await thrown(download)).toMatchObject({ code: 'aborted' });
      expect((await store.status(manifest)).storedBytes).toBe(200);
      expect(server.requests.length).toBe(1);
      expect(await thrown(store.download(manifest, BASE, { signal: controller.signal }))).toMatchObject({ code: 'aborted' });
      await store.download(manifest, BASE);
      expect(server.requests[1]).toEqual({ name: 'transformer.bin', range: 'bytes=200-349' });
    });

    test('stopping ends a wait between two tries, too', async () => {
      const controller = new AbortController();
      const model = await makeModel({ files: { transformer: TRANSFORMER }, chunkSizeBytes: CHUNK });
      const server = new FakeServer(model.contents);
      server.faultOf = () => ({ kind: 'offline' });
      const store = new ModelStore({ backend: await open(), fetch: server.fetch, locks: locks() });
      const download = store.download(model.manifest, BASE, { signal: controller.signal });
      setTimeout(() => controller.abort(), 50);
      const started = performance.now();
      expect(await thrown(download)).toMatchObject({ code: 'aborted' });
      expect(performance.now() - started).toBeLessThan(400); // the wait would have been 500 ms
    });

    test('too little room is said before the first request', async () => {
      const inner = await open();
      const backend: StorageBackend = {
        ...inner,
        chunks: inner.chunks,
        records: inner.records,
        space: async () => ({ usedBytes: 9_000_000, quotaBytes: 9_000_400 }),
      };
      const { store, manifest, server } = await setUp(null, { backend });
      const error = await thrown(store.download(manifest, BASE)); // 380 bytes times 1.2
      expect(error.code).toBe('storage-full');
      expect(error.message).toMatch(/needs 0\.0 MB more space and this browser offers 0\.0 MB/);
      expect(server.requests).toEqual([]);
      expect(await store.storedManifest(manifest.id)).toBeNull();
    });

    test('one tab downloads, another waits and finds it done', async () => {
      const { store, manifest, server, options } = await setUp();
      const other = new ModelStore(options);
      const waiting = vi.fn();
      await Promise.all([
        store.download(manifest, BASE),
        other.download(manifest, BASE, { onProgress: (progress) => progress.waiting && waiting() }),
      ]);
      expect(waiting).toHaveBeenCalled();
      expect(server.requests.length).toBe(2);
      expect((await other.status(manifest)).complete).toBe(true);
    });

    test('the second tab takes over when the first one fails, and can stop waiting', async () => {
      const { store, manifest, server, options } = await setUp();
      let release = () => {};
      const gate = new Promise<void>((resolve) => (release = resolve));
      const slow = new ModelStore({ ...options, fetch: async () => (await gate, new Response(null, { status: 404 })) });
      const failing = thrown(slow.download(manifest, BASE));
      await new Promise((resolve) => setTimeout(resolve, 50));
      const controller = new AbortController();
      const stopped = thrown(store.download(manifest, BASE, { signal: controller.signal }));
      const patient = store.download(manifest, BASE);
      await new Promise((resolve) => setTimeout(resolve, 50));
      controller.abort();
      expect(await stopped).toMatchObject({ code: 'aborted' });
      release();
      expect(await failing).toMatchObject({ code: 'network' });
      await patient;
      expect((await store.status(manifest)).complete).toBe(true);
      expect(server.requests.length).toBe(2);
    });

    test('a chunk that was damaged on disk is noticed when it is read, and fetched again', async () => {
      const { store, manifest, server, backend, options } = await setUp();
      await store.download(manifest, BASE);
      const file = manifest.files[0]!;
      const damage: ((key: string) => Promise<void>)[] = [
        async (key) => backend.chunks.set(key, randomBytes(100, 9).buffer),
        async (key) => backend.chunks.set(key, TRANSFORMER.slice(100, 150).buffer),
        async (key) => backend.chunks.delete(key),
      ];
      for (const harm of damage) {
        server.requests.length = 0;
        await harm(chunkKey(file.sha256, 1));
        const opened = await new ModelStore(options).open(manifest, 'transformer');
        expect(await opened.read(0, 350)).toEqual(TRANSFORMER);
        expect(server.requests).toEqual([{ name: 'transformer.bin', range: 'bytes=100-199' }]);
        expect((await store.status(manifest)).complete).toBe(true);
      }
      // Without a network it is an error that says so, and the model no longer counts as complete.
      await damage[0]!(chunkKey(file.sha256, 1));
      server.faultOf = () => ({ kind: 'offline' });
      const opened = await new ModelStore(options).open(manifest, 'transformer');
      expect(await thrown(opened.read(0, 350))).toMatchObject({ code: 'corrupt-weights' });
      expect((await store.status(manifest)).complete).toBe(false);
      server.faultOf = () => undefined;
      expect(await opened.read(0, 350)).toEqual(TRANSFORMER); // the source itself recovers
    });

    test('verify finds and drops what changed; the next download fetches only that', async () => {
      const { store, manifest, server, backend } = await setUp();
      await store.download(manifest, BASE);
      expect(await store.verify(manifest)).toBe(0);
      expect((await store.status(manifest)).complete).toBe(true);
      await backend.chunks.set(chunkKey(manifest.files[0]!.sha256, 3), randomBytes(50, 9).buffer);
      await backend.chunks.delete(chunkKey(manifest.files[1]!.sha256, 0));
      const progress = vi.fn();
      expect(await store.verify(manifest, { onProgress: progress })).toBe(50 + 30);
      expect(progress).toHaveBeenLastCalledWith({ doneBytes: 380, totalBytes: 380, waiting: false });
      expect(await store.status(manifest)).toEqual({ sizeBytes: 380, storedBytes: 300, complete: false });
      server.requests.length = 0;
      await store.download(manifest, BASE);
      expect(server.requests.map(({ name, range }) => `${name} ${range}`)).toEqual(['transformer.bin bytes=300-349', 'tokenizer.bin null']);
      expect(await store.verify(manifest)).toBe(0);
    });

    test('removing says how many bytes came back, and leaves what another model shares', async () => {
      const backend = await open();
      const first = await setUp(null, { backend });
      await first.store.download(first.manifest, BASE);
      const sibling = await makeModel({
        id: 'sibling',
        files: { transformer: randomBytes(120, 8), tokenizer: TOKENIZER },
        chunkSizeBytes: CHUNK,
      });
      const second = await setUp(sibling, { backend });
      await second.store.download(sibling.manifest, BASE);
      expect(second.server.requests.map(({ name }) => name)).toEqual(['transformer.bin']); // the tokenizer was here already
      expect(await first.store.remove(first.manifest)).toBe(350);
      expect((await second.store.status(sibling.manifest)).complete).toBe(true);
      expect(await first.store.status(first.manifest)).toMatchObject({ storedBytes: 30, complete: false });
      expect(await second.store.remove(sibling.manifest)).toBe(150);
      expect(await backend.chunks.keys()).toEqual([]);
      expect(await second.store.remove(sibling.manifest)).toBe(0);
    });

    test('a new revision fetches only the files that changed, and drops the old ones', async () => {
      const backend = await open();
      const old = await setUp(null, { backend });
      await old.store.download(old.manifest, BASE);
      const fresh = await makeModel({
        files: { transformer: randomBytes(220, 5), tokenizer: TOKENIZER },
        chunkSizeBytes: CHUNK,
        revision: 'r2',
      });
      const { store, server } = await setUp(fresh, { backend });
      expect(await store.status(fresh.manifest)).toMatchObject({ storedBytes: 30, complete: false });
      await store.download(fresh.manifest, BASE);
      expect(server.requests.map(({ name }) => name)).toEqual(['transformer.bin']);
      expect((await backend.chunks.keys()).length).toBe(3 + 1);
      expect((await store.status(old.manifest)).complete).toBe(false);
    });
  });
}
