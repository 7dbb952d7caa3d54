import { KinoraError, throwIfAborted } from '../../errors';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A failure that is worth another try: of the `connection` (lost, refused, overloaded), or of the `content` (too short, too long). */
export class TransientFailure extends Error {
  readonly kind: 'connection' | 'content';
  constructor(kind: 'connection' | 'content', message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The server doesn't do ranges, or not as asked: only the whole file is left. */
export class RangeRefused extends Error {}

/** A connection that says nothing for this long is given up and tried again. */
const STALL_MS = 30_000;

export interface RangeRequest {
  readonly url: string;
  /** First byte, and the byte after the last. 0 and `fileSizeBytes` ask for the whole file, without a Range header. */
  readonly start: number;
  readonly end: number;
  readonly fileSizeBytes: number;
  readonly signal: AbortSignal | undefined;
  readonly fetch: Fetch;
  readonly stallMs?: number;
}

/**
 * Streams bytes [start, end) of a file. A server may answer a ranged request with the whole file (200): then the
 * stream begins at byte 0, which `onStart` tells. Yields pieces as they arrive, never more than asked for.
 * Throws `TransientFailure`, `RangeRefused`, `aborted`, or `network` for an answer that won't change (404 …).
 */
export async function* fetchRange(request: RangeRequest, onStart: (start: number) => void): AsyncGenerator<Uint8Array> {
  const { url, start, end, fileSizeBytes, signal } = request;
  const whole = start === 0 && end === fileSizeBytes;
  const watch = watchdog(signal, request.stallMs ?? STALL_MS);
  try {
    const response = await request.fetch(url, {
      signal: watch.signal,
      cache: 'no-store', // the store is the cache; a stale copy would only fail its hash
      headers: whole ? {} : { Range: `bytes=${start}-${end - 1}` },
    });
    const first = firstByte(response, request, whole);
    onStart(first);
    const wanted = (first === 0 && response.status === 200 ? fileSizeBytes : end) - first;
    let received = 0;
    for await (const piece of pieces(response)) {
      watch.pause();
      received += piece.length;
      if (received > wanted) throw new TransientFailure('content', `the server sent more than ${wanted} bytes`);
      yield piece;
      watch.reset();
    }
    if (received < wanted) throw new TransientFailure('content', `the server sent ${received} of ${wanted} bytes`);
  } catch (thrown) {
    throwIfAborted(signal);
    if (thrown instanceof TransientFailure || thrown instanceof RangeRefused || thrown instanceof KinoraError) throw thrown;
    throw new TransientFailure('connection', 'the connection was lost', { cause: thrown });
  } finally {
    watch.stop();
  }
}

/** Checks status and headers; the offset in the file at which the body begins. */
function firstByte(response: Response, { url, start, end, fileSizeBytes }: RangeRequest, whole: boolean): number {
  const { status } = response;
  if (status === 200) return 0;
  if (status === 206 && !whole) {
    const expected = `bytes ${start}-${end - 1}/${fileSizeBytes}`;
    const actual = response.headers.get('Content-Range');
    if (actual !== expected) throw new RangeRefused(`the server sent "${actual}" instead of "${expected}"`);
    return start;
  }
  if (status === 416 && !whole) throw new RangeRefused('the server’s file is shorter than it should be');
  if (status === 408 || status === 429 || status >= 500) throw new TransientFailure('connection', `the server answered ${status}`);
  throw new KinoraError(
    'network',
    `The server answered ${status} for ${new URL(url).pathname.split('/').at(-1)}.`,
    'Check the address of the model, or try again later.',
  );
}

/** The pieces of a body. Leaving the loop early cancels the download. */
async function* pieces(response: Response): AsyncGenerator<Uint8Array> {
  if (!response.body) return;
  const reader = response.body.getReader();
  let finished = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
    }
    finished = true;
  } finally {
    if (!finished) await reader.cancel().catch(() => undefined); // it failed already; the caller has that error
  }
}

/** A signal that fires with the caller's, or `stallMs` after the last `reset`; paused while the reader works on a piece. */
function watchdog(signal: AbortSignal | undefined, stallMs: number): { signal: AbortSignal; pause(): void; reset(): void; stop(): void } {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  const stall = () => controller.abort(new DOMException(`No data for ${stallMs} ms.`, 'TimeoutError'));
  let timer = setTimeout(stall, stallMs);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  return {
    signal: controller.signal,
    pause: () => clearTimeout(timer),
    reset: () => {
      clearTimeout(timer);
      timer = setTimeout(stall, stallMs);
    },
    stop: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      controller.abort(); // lets go of a body that nobody reads any more
    },
  };
}
