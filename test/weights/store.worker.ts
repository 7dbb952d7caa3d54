import type { ModelManifest } from '../../src/weights/manifest';
import { IndexedDbBackend } from '../../src/weights/store/indexeddb-backend';
import { ModelStore } from '../../src/weights/store/model-store';
import { FakeServer } from './fake-server';

/** A second context of the same origin, which downloads a model into the same databases. */
export interface WorkerJob {
  readonly database: string;
  readonly manifest: ModelManifest;
  readonly contents: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** A slow connection. */
  readonly pieceDelayMs?: number;
}

export type WorkerMessage =
  | { readonly kind: 'progress'; readonly doneBytes: number; readonly waiting: boolean }
  | { readonly kind: 'done'; readonly requests: number; readonly complete: boolean }
  | { readonly kind: 'failed'; readonly message: string };

const post = (message: WorkerMessage) => self.postMessage(message);

self.onmessage = async ({ data }: MessageEvent<WorkerJob>) => {
  const server = new FakeServer(data.contents, 1000);
  const store = new ModelStore({
    backend: new IndexedDbBackend(data.database),
    fetch: async (url, init) => slowed(await server.fetch(url, init), data.pieceDelayMs ?? 0),
  });
  try {
    await store.download(data.manifest, 'https://models.example/', {
      onProgress: ({ doneBytes, waiting }) => post({ kind: 'progress', doneBytes, waiting }),
    });
    post({ kind: 'done', requests: server.requests.length, complete: (await store.status(data.manifest)).complete });
  } catch (thrown) {
    post({ kind: 'failed', message: String(thrown) });
  }
};

function slowed(response: Response, ms: number): Response {
  if (ms === 0 || !response.body) return response;
  const slow = new TransformStream<Uint8Array, Uint8Array>({
    transform: async (piece, controller) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      controller.enqueue(piece);
    },
  });
  return new Response(response.body.pipeThrough(slow), response);
}
