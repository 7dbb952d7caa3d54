import * as Comlink from 'comlink';
import { KinoraError, toKinoraError } from '../errors';
import { installWire, type EngineSettings, type RemoteEngine } from './wire';

/** The part of a `Worker` that a link uses. */
export interface WorkerLike extends Comlink.Endpoint {
  terminate(): void;
}

/** How often a busy worker is asked for a sign of life. */
const PING_INTERVAL_MS = 10_000;

/**
 * One worker and the calls that wait for it. A worker that breaks, or that stays silent for too long, is ended, and every call
 * that waits for it rejects: comlink alone would let them wait for ever.
 */
export class WorkerLink {
  readonly remote: Comlink.Remote<RemoteEngine>;
  readonly #worker: WorkerLike;
  readonly #maxSilentPings: number;
  readonly #pingMs: number;
  readonly #waiting = new Set<(error: KinoraError) => void>();
  readonly #ready: Promise<void>;
  #timer: ReturnType<typeof setInterval> | null = null;
  #silentPings = 0;
  #failure: KinoraError | null = null;
  #isRetired = false;

  constructor(worker: WorkerLike, settings: EngineSettings, silenceMs: number, pingMs = PING_INTERVAL_MS) {
    installWire();
    this.#worker = worker;
    this.#pingMs = Math.min(pingMs, silenceMs);
    this.#maxSilentPings = Math.max(1, Math.ceil(silenceMs / this.#pingMs));
    worker.addEventListener('error', (event) => this.#onError(event as ErrorEvent));
    worker.addEventListener('messageerror', () => this.fail(broken('A message from the engine could not be read.')));
    this.remote = Comlink.wrap<RemoteEngine>(worker);
    this.#ready = this.#guard(() => this.remote.configure(settings));
    this.#ready.catch(() => undefined); // Each call rejects with it.
  }

  /** Whether new calls can be made; a link never comes back. */
  get isUsable(): boolean {
    return this.#failure === null && !this.#isRetired;
  }

  /** Makes a call; rejects with what broke the worker if that happens first. */
  call<T>(work: (remote: Comlink.Remote<RemoteEngine>) => Promise<T>): Promise<T> {
    return this.#guard(async () => {
      await this.#ready;
      return work(this.remote);
    });
  }

  /** Ends the worker as soon as no call waits for it. */
  retire(): void {
    this.#isRetired = true;
    if (this.#waiting.size === 0) this.fail(broken('The engine was replaced by another.'));
  }

  /** Ends the worker; waiting calls reject with `error`. */
  fail(error: KinoraError): void {
    if (this.#failure) return;
    this.#failure = error;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#worker.terminate();
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  #guard<T>(work: () => PromiseLike<T>): Promise<T> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise<T>((resolve, reject) => {
      const settle = () => {
        this.#waiting.delete(reject);
        if (this.#waiting.size > 0) return;
        this.#stopPinging();
        if (this.#isRetired) this.retire();
      };
      this.#waiting.add(reject);
      this.#startPinging();
      work().then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(asKinoraError(error));
        },
      );
    });
  }

  /** Counts unanswered pings instead of time: a machine that slept for an hour has not been silent for one. */
  #startPinging(): void {
    if (this.#timer !== null) return;
    this.#silentPings = 0;
    this.#timer = setInterval(() => {
      if (this.#silentPings >= this.#maxSilentPings)
        return this.fail(
          new KinoraError(
            'internal',
            'The engine stopped answering and was ended.',
            'Try again; a smaller size or fewer frames ask less of this device.',
          ),
        );
      this.#silentPings++;
      void this.remote.ping().then(() => (this.#silentPings = 0));
    }, this.#pingMs);
  }

  #stopPinging(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #onError(event: ErrorEvent): void {
    this.fail(broken(event.message ? 'The engine broke down.' : 'The engine could not be loaded.', event.error ?? event.message));
  }
}

/** What can't be cloned fails on this side of the boundary. */
function asKinoraError(error: unknown): KinoraError {
  if (!(error instanceof DOMException && error.name === 'DataCloneError')) return toKinoraError(error);
  return new KinoraError(
    'invalid-spec',
    'The call holds something that is not plain data.',
    'Give texts, numbers, and lists and objects of them.',
    { cause: error },
  );
}

function broken(message: string, cause?: unknown): KinoraError {
  return new KinoraError(
    'internal',
    message,
    'Try again: it starts afresh. If that does not help, reload the page.',
    cause ? { cause } : undefined,
  );
}
