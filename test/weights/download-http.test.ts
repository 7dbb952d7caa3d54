import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { fetchRange, TransientFailure } from '../../src/weights/store/fetch-range';
import { MemoryBackend } from '../../src/weights/store/memory-backend';
import { ModelStore } from '../../src/weights/store/model-store';
import { randomBytes } from './random';
import { makeModel } from './test-model';

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

let server: Server | undefined;
afterEach(() => void server?.close().closeAllConnections());

async function serve(handler: Handler): Promise<string> {
  let count = 0;
  server = createServer((request, response) => handler(request, response, ++count));
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Answers as a web server does, ranges included. */
function sendFile(file: Uint8Array, request: IncomingMessage, response: ServerResponse): Uint8Array {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const [start, end] = range ? [Number(range[1]), Number(range[2]) + 1] : [0, file.length];
  const body = file.subarray(start, end);
  response.writeHead(range ? 206 : 200, {
    'Content-Length': body.length,
    ...(range ? { 'Content-Range': `bytes ${start}-${start + body.length - 1}/${file.length}` } : {}),
  });
  return body;
}

const FILE = randomBytes(3_000_000, 1);
const CHUNK = 1_000_000;

describe('downloading over real connections', () => {
  test('a socket that dies mid-body, twice, costs only the chunk it was in', async () => {
    const ranges: (string | undefined)[] = [];
    const base = await serve((request, response, count) => {
      ranges.push(request.headers.range);
      const body = sendFile(FILE, request, response);
      if (count === 1) response.write(body.subarray(0, 1_500_000), () => setTimeout(() => request.socket.destroy(), 30));
      else if (count === 2) response.write(body.subarray(0, 10), () => setTimeout(() => request.socket.destroy(), 30));
      else response.end(body);
    });
    const { manifest } = await makeModel({ files: { transformer: FILE }, chunkSizeBytes: CHUNK });
    const store = new ModelStore({ backend: new MemoryBackend(), locks: undefined, wait: async () => undefined });
    await store.download(manifest, base);
    expect(ranges).toEqual([undefined, 'bytes=1000000-2999999', 'bytes=1000000-2999999']);
    expect(Buffer.compare(await store.readFile(manifest, 'transformer'), FILE)).toBe(0);
  });

  test('a server that is gone is a network error, and the state can be resumed', async () => {
    const base = await serve((request, response) => {
      response.write(sendFile(FILE, request, response).subarray(0, 2_100_000), () => setTimeout(() => request.socket.destroy(), 30));
      server!.close();
    });
    const { manifest } = await makeModel({ files: { transformer: FILE }, chunkSizeBytes: CHUNK });
    const backend = new MemoryBackend();
    const store = new ModelStore({ backend, locks: undefined, wait: async () => undefined });
    await expect(store.download(manifest, base)).rejects.toMatchObject({ code: 'network' });
    expect((await store.status(manifest)).storedBytes).toBe(2_000_000);

    const ranges: (string | undefined)[] = [];
    const newBase = await serve((request, response) => {
      ranges.push(request.headers.range);
      response.end(sendFile(FILE, request, response));
    });
    await new ModelStore({ backend, locks: undefined }).download(manifest, newBase);
    expect(ranges).toEqual(['bytes=2000000-2999999']);
  });

  test('a connection that goes silent is given up', async () => {
    const base = await serve((request, response) => void response.write(sendFile(FILE, request, response).subarray(0, 1000)));
    const request = { url: `${base}file`, start: 0, end: FILE.length, fileSizeBytes: FILE.length, signal: undefined, fetch, stallMs: 200 };
    let received = 0;
    const reading = (async () => {
      for await (const piece of fetchRange(request, () => undefined)) received += piece.length;
    })();
    await expect(reading).rejects.toBeInstanceOf(TransientFailure);
    expect(received).toBe(1000);
  });

  test('a reader that takes its time is no silent connection', async () => {
    const base = await serve((request, response) => void response.end(sendFile(FILE.subarray(0, 5000), request, response)));
    const request = { url: `${base}file`, start: 0, end: 5000, fileSizeBytes: 5000, signal: undefined, fetch, stallMs: 200 };
    let received = 0;
    for await (const piece of fetchRange(request, () => undefined)) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      received += piece.length;
    }
    expect(received).toBe(5000);
  });

  test('stopping closes the connection', async () => {
    let closed: () => void = () => undefined;
    const closing = new Promise<void>((resolve) => (closed = resolve));
    const base = await serve((request, response) => {
      request.socket.on('close', closed);
      response.write(sendFile(FILE, request, response).subarray(0, 1000));
    });
    const { manifest } = await makeModel({ files: { transformer: FILE }, chunkSizeBytes: CHUNK });
    const controller = new AbortController();
    const store = new ModelStore({ backend: new MemoryBackend(), locks: undefined });
    const download = store.download(manifest, base, {
      signal: controller.signal,
      onProgress: ({ doneBytes }) => doneBytes > 0 && controller.abort(),
    });
    await expect(download).rejects.toMatchObject({ code: 'aborted' });
    await closing;
  });
});
