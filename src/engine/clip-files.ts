import * as Comlink from 'comlink';
import { KinoraError, throwIfAborted, toKinoraError } from '../errors';
import { CLIP_FORMATS, type ClipFormat, type ConvertRequest } from '../media/convert-clip';
import { parseSpec } from './clips';
import type { RemoteMedia } from './media-worker';
import type { GenerationSpec } from './spec';
import { installWire } from './wire';
import type { WorkerLike } from './worker-link';

export { CLIP_FORMATS, type ClipFormat, type ConvertRequest };

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Clips to and from files. Every method rejects with a `KinoraError`. */
export interface ClipFiles {
  /** A clip as a file of another format or size; `onProgress` is told the frames done. */
  convert(request: ConvertRequest, options?: CallOptions & { readonly onProgress?: (done: number) => void }): Promise<Blob>;
  /** A still picture of a video file. */
  makePoster(file: Blob, frames: number): Promise<Blob>;
  /** The settings in a file that Kinora made, checked; null where there are none, or they are someone else's. */
  readSpec(file: Blob): Promise<GenerationSpec | null>;
}

/** A worker for each call: the next one starts afresh, whatever befell the last, and stopping is ending it. */
export function createClipFiles(createWorker: () => WorkerLike = startWorker): ClipFiles {
  const call = <T>(work: (remote: Comlink.Remote<RemoteMedia>) => Promise<T>, { signal }: CallOptions = {}): Promise<T> => {
    throwIfAborted(signal);
    installWire();
    const worker = createWorker();
    let stop = (): void => undefined;
    return new Promise<T>((resolve, reject) => {
      stop = () => reject(new KinoraError('aborted', 'Stopped.', 'Start again whenever you like.'));
      signal?.addEventListener('abort', stop, { once: true });
      worker.addEventListener('error', (event) => reject(broken((event as ErrorEvent).message)));
      work(Comlink.wrap<RemoteMedia>(worker)).then(resolve, (thrown: unknown) => reject(toKinoraError(thrown)));
    }).finally(() => {
      signal?.removeEventListener('abort', stop);
      worker.terminate();
    });
  };
  return {
    convert: async (request, { onProgress, ...options } = {}) =>
      call((remote) => remote.convert(request, onProgress ? Comlink.proxy(onProgress) : null), options),
    makePoster: async (file, frames) => call((remote) => remote.makePoster(file, frames)),
    readSpec: async (file) => {
      const spec = await call((remote) => remote.readSpec(file));
      return spec === null ? null : parseSpec(spec);
    },
  };
}

function broken(cause: unknown): KinoraError {
  return new KinoraError('internal', 'The file could not be made.', 'Try again; if that does not help, reload the page.', { cause });
}

function startWorker(): Worker {
  return new Worker(new URL('./media-worker.ts', import.meta.url), { type: 'module', name: 'kinora-media' });
}
