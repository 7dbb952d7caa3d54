import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KinoraError } from '../../src/errors';
import { StoredModels } from '../../src/engine/stored-models';
import { chunkKey } from '../../src/weights/store/storage-backend';
import { MemoryBackend } from '../../src/weights/store/memory-backend';
import { ModelStore } from '../../src/weights/store/model-store';
import type { ModelManifest } from '../../src/weights/manifest';
import { encodeSafetensors } from '../../scripts/safetensors.mjs';
import { MANIFEST } from './fakes';

const BASE = 'https://example.org/models/';
const CHUNK = 64;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const VOCABULARY = { subjects: { fox: ['fox', 'red fox'] } };
const CONTENTS = {
  transformer: encodeSafetensors('w', [32], Buffer.from(new Float32Array(32).fill(1).buffer)),
  autoencoder: encodeSafetensors('w', [8], Buffer.from(new Float32Array(8).fill(2).buffer)),
  'text-encoder': encodeSafetensors('w', [8], Buffer.from(new Float32Array(8).fill(3).buffer)),
  tokenizer: Buffer.from('{"model":{"type":"WordPiece"}}'),
  vocabulary: Buffer.from(JSON.stringify(VOCABULARY)),
};

function chunked(bytes: Uint8Array): string[] {
  return Array.from({ length: Math.ceil(bytes.length / CHUNK) }, (_, index) => sha256(bytes.subarray(index * CHUNK, (index + 1) * CHUNK)));
}

const SMALL: ModelManifest = {
  ...MANIFEST,
  chunkSizeBytes: CHUNK,
  files: Object.entries(CONTENTS).map(([role, bytes]) => ({
    name: `${role}.bin`,
    role: role as keyof typeof CONTENTS,
    sizeBytes: bytes.length,
    sha256: sha256(bytes),
    chunks: chunked(bytes),
  })),
};

/** A server that can be cut off, break the line after some bytes, or lie. */
class FakeServer {
  isUp = true;
  bytesUntilLoss = Infinity;
  manifest: unknown = SMALL;
  readonly asked: string[] = [];

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (!this.isUp) throw new TypeError('Failed to fetch');
    const range = new Headers(init.headers).get('Range');
    const name = url.slice(`${BASE}storybook/`.length);
    this.asked.push(range ? `${name} ${range}` : name);
    if (!url.startsWith(`${BASE}storybook/`)) return new Response('nothing', { status: 404 });
    if (name === 'manifest.json') return Response.json(this.manifest);
    const bytes = CONTENTS[name.replace('.bin', '') as keyof typeof CONTENTS];
    const match = /bytes=(\d+)-(\d+)/.exec(range ?? '');
    const [start, end] = match ? [Number(match[1]), Number(match[2]) + 1] : [0, bytes.length];
    const headers: Record<string, string> = match ? { 'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}` } : {};
    return new Response(this.#body(bytes.subarray(start, end)), { status: match ? 206 : 200, headers });
  };

  #body(bytes: Uint8Array): ReadableStream<Uint8Array> {
    let at = 0;
    return new ReadableStream({
      pull: (controller) => {
        if (at >= bytes.length) return controller.close();
        if (this.bytesUntilLoss <= 0) {
          this.isUp = false;
          return controller.error(new TypeError('network error'));
        }
        const piece = bytes.slice(at, at + 16);
        at += piece.length;
        this.bytesUntilLoss -= piece.length;
        controller.enqueue(piece);
      },
    });
  }
}

function open(server: FakeServer, backend = new MemoryBackend()): { models: StoredModels; backend: MemoryBackend } {
  const store = new ModelStore({ backend, fetch: server.fetch, locks: undefined, wait: async () => undefined });
  return { models: new StoredModels({ store, modelBase: BASE, catalogue: ['storybook'], fetch: server.fetch }), backend };
}

async function failure(promise: Promise<unknown>): Promise<KinoraError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(KinoraError);
  return error as KinoraError;
}

describe('a model', () => {
  it('is described before any weights are there', async () => {
    const server = new FakeServer();
    const { models } = open(server);
    expect(await models.describe('storybook')).toEqual({ manifest: SMALL, vocabulary: VOCABULARY });
    expect(server.asked).toEqual(['manifest.json', 'vocabulary.bin']);
    expect(await models.list()).toMatchObject([{ id: 'storybook', complete: false, storedBytes: 0 }]);
  });

  it('is fetched once, and then opened without the network', async () => {
    const server = new FakeServer();
    const { models, backend } = open(server);
    const progress: number[] = [];
    await models.ensure('storybook', { onProgress: (done) => progress.push(done) });
    expect(progress.at(-1)).toBe(SMALL.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    server.isUp = false;
    const offline = open(server, backend).models;
    await offline.ensure('storybook', {
      onProgress: () => {
        throw new Error('nothing is to be fetched');
      },
    });
    expect(await offline.list()).toMatchObject([{ complete: true }]);
    const { weights, tokenizer } = await offline.open('storybook');
    expect(await weights.transformer.readF32('w')).toEqual(new Float32Array(32).fill(1));
    expect(tokenizer).toEqual({ model: { type: 'WordPiece' } });
    expect((await offline.describe('storybook')).vocabulary).toEqual(VOCABULARY);
    expect(await offline.remove('storybook')).toBeGreaterThan(0);
  });

  it('whose download loses the network says so, keeps what arrived, and goes on from there', async () => {
    const server = new FakeServer();
    const { models } = open(server);
    server.bytesUntilLoss = 150 + CONTENTS.vocabulary.length;
    const error = await failure(models.ensure('storybook', {}));
    expect(error.code).toBe('network');
    const { storedBytes } = (await models.list())[0]!;
    expect(storedBytes).toBeGreaterThan(0);

    Object.assign(server, { isUp: true, bytesUntilLoss: Infinity });
    server.asked.length = 0;
    const seen: number[] = [];
    await models.ensure('storybook', { onProgress: (done) => seen.push(done) });
    expect(seen[0]).toBeGreaterThanOrEqual(storedBytes);
    expect(server.asked[0]).toMatch(/^transformer\.bin bytes=[1-9]/);
    expect(await models.list()).toMatchObject([{ complete: true }]);
  });

  it('with a chunk that was damaged on this device is fetched again, that chunk alone', async () => {
    const server = new FakeServer();
    const { models, backend } = open(server);
    await models.ensure('storybook', {});
    const key = chunkKey(SMALL.files[0]!.sha256, 1);
    await backend.chunks.set(key, new Uint8Array(CHUNK).fill(7).buffer);
    server.asked.length = 0;
    const { weights } = await models.open('storybook');
    expect(await weights.transformer.readF32('w')).toEqual(new Float32Array(32).fill(1));
    expect(server.asked).toEqual([`transformer.bin bytes=${CHUNK}-${2 * CHUNK - 1}`]);
  });

  it('that does not fit says so before it fetches', async () => {
    const server = new FakeServer();
    const { models } = open(server, new MemoryBackend(100));
    expect((await failure(models.ensure('storybook', {}))).code).toBe('storage-full');
  });
});

describe('a model that is not there', () => {
  it.each(['nope', '../storybook', 'Story Book', ''])('%j is refused by name', async (id) => {
    const error = await failure(open(new FakeServer()).models.describe(id));
    expect(error).toMatchObject({ code: 'invalid-spec', hint: 'Choose one of: storybook.' });
  });

  it('behind a host that answers everything with a page is refused too', async () => {
    const fetch = async () => new Response('<!doctype html>', { headers: { 'Content-Type': 'text/html' } });
    const models = new StoredModels({
      store: new ModelStore({ backend: new MemoryBackend() }),
      modelBase: BASE,
      catalogue: ['storybook'],
      fetch,
    });
    expect((await failure(models.describe('wan'))).code).toBe('invalid-spec');
  });

  it('because the network is gone is a network error, and is looked up again', async () => {
    const server = new FakeServer();
    server.isUp = false;
    const { models } = open(server);
    expect((await failure(models.describe('storybook'))).code).toBe('network');
    server.isUp = true;
    expect((await models.describe('storybook')).manifest).toEqual(SMALL);
  });

  it('because its manifest is broken is an invalid file', async () => {
    const server = new FakeServer();
    server.manifest = { ...SMALL, files: [] };
    expect((await failure(open(server).models.describe('storybook'))).code).toBe('invalid-file');
  });
});
