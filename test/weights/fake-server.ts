import type { Fetch } from '../../src/weights/store/fetch-range';

/** What goes wrong with one answer. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number }
  /** Not even an answer. */
  | { readonly kind: 'offline' }
  /** The connection breaks after so many bytes of the body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** The body ends, without an error, after so many bytes. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** More than was asked for. */
  | { readonly kind: 'overlong' }
  /** One byte of the file, at this offset, is another. */
  | { readonly kind: 'flip'; readonly at: number }
  /** A 200 with the whole file, though a range was asked for. */
  | { readonly kind: 'ignore-range' }
  | { readonly kind: 'content-range'; readonly value: string | null };

export interface ServedRequest {
  readonly name: string;
  /** The Range header, or null. */
  readonly range: string | null;
}

/** A web server in memory, which answers as HTTP says unless `faultOf` wants otherwise. */
export class FakeServer {
  readonly requests: ServedRequest[] = [];
  faultOf: (request: ServedRequest, count: number) => Fault | undefined = () => undefined;
  bytesSent = 0;
  readonly #files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly #pieceBytes: number;

  constructor(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>, pieceBytes = 7) {
    this.#files = files;
    this.#pieceBytes = pieceBytes;
  }

  readonly fetch: Fetch = async (url, init) => {
    const name = new URL(url).pathname.split('/').at(-1)!;
    const range = new Headers(init.headers).get('Range');
    const request = { name, range };
    this.requests.push(request);
    const fault = this.faultOf(request, this.requests.length);
    if (fault?.kind === 'offline') throw new TypeError('Failed to fetch');
    if (fault?.kind === 'status') return new Response('an error page', { status: fault.status });
    const file = this.#files.get(name);
    if (!file) return new Response('not found', { status: 404 });

    let [start, end] = [0, file.length];
    let status = 200;
    const headers = new Headers();
    const wanted = /^bytes=(\d+)-(\d+)$/.exec(range ?? '');
    if (wanted && fault?.kind !== 'ignore-range') {
      [start, end] = [Number(wanted[1]), Math.min(Number(wanted[2]) + 1, file.length)];
      if (start >= file.length) return new Response(null, { status: 416, headers: { 'Content-Range': `bytes */${file.length}` } });
      status = 206;
      const value = fault?.kind === 'content-range' ? fault.value : `bytes ${start}-${end - 1}/${file.length}`;
      if (value !== null) headers.set('Content-Range', value);
    }
    let bytes = file.slice(start, end);
    if (fault?.kind === 'flip' && fault.at >= start && fault.at < end) bytes[fault.at - start]! ^= 1;
    if (fault?.kind === 'truncate') bytes = bytes.slice(0, fault.afterBytes);
    if (fault?.kind === 'overlong') bytes = new Uint8Array([...bytes, 1, 2, 3]);
    return new Response(this.#body(bytes, fault?.kind === 'cut' ? fault.afterBytes : Infinity, init.signal ?? undefined), {
      status,
      headers,
    });
  };

  #body(bytes: Uint8Array, cutAfter: number, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
    let at = 0;
    return new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (signal?.aborted) return controller.error(signal.reason);
        if (at >= cutAfter) return controller.error(new TypeError('network error'));
        if (at >= bytes.length) return controller.close();
        const piece = bytes.slice(at, Math.min(at + this.#pieceBytes, cutAfter));
        at += piece.length;
        this.bytesSent += piece.length;
        controller.enqueue(piece);
      },
    });
  }
}
