import * as Comlink from 'comlink';
import { KinoraError, throwIfAborted } from '../errors';
import { requestPersistence } from '../weights/store/indexeddb-backend';
import type { SpecInput } from './spec';
import type { Clip, GenerateOptions, Kinora, Progress, RunOptions, TuneCallOptions, TuneProgress, TuningReport } from './types';
import type { ExportOptions, RemoteEngine } from './wire';
import { WorkerLink, type WorkerLike } from './worker-link';

export interface KinoraOptions {
  /** URL of the folder that holds the models' folders. Default: `models/` beside the page. */
  readonly modelBase?: string | URL;
  /** Makes the engine's worker. Default: the worker that is built with this module. */
  readonly createWorker?: () => WorkerLike;
  /** How long a busy engine may stay silent before it is ended. One long step is silence too. Default: 10 minutes. */
  readonly silenceMs?: number;
}

const SILENCE_MS = 600_000;

/**
 * The engine, behind a worker that is started at the first call. Every method rejects with a `KinoraError`; a worker that broke is
 * replaced at the next call.
 */
export function createKinora(options: KinoraOptions = {}): Kinora {
  return new WorkerKinora(options);
}

type Cancellable<P = Progress> = { readonly signal?: AbortSignal; readonly onProgress?: (progress: P) => void };

class WorkerKinora implements Kinora {
  readonly #options: KinoraOptions;
  #link: WorkerLink | null = null;
  /** What the jobs of the present worker asked for; undefined leaves it to the engine. */
  #threads: number | undefined = undefined;
  #lastCall = 0;
  #isDisposed = false;

  constructor(options: KinoraOptions) {
    this.#options = options;
  }

  capabilities() {
    return this.#call((remote) => remote.capabilities());
  }

  models() {
    return this.#call((remote) => remote.models());
  }

  describe(modelId: string) {
    return this.#call((remote) => remote.describe(modelId));
  }

  remove(modelId: string) {
    return this.#call((remote) => remote.remove(modelId));
  }

  partial() {
    return this.#call((remote) => remote.partial());
  }

  interruptedSpec() {
    return this.#call((remote) => remote.interruptedSpec());
  }

  prepare(modelId: string, options: RunOptions = {}) {
    this.#replaceForThreads(options);
    return this.#call((remote) => remote.prepare(modelId, { ...options, ...(options.plan && { plan: plain(options.plan) }) }));
  }

  embed(text: string) {
    return this.#call((remote) => remote.embed(text));
  }

  tune({ precision, ...options }: TuneCallOptions = {}): Promise<TuningReport> {
    return this.#cancellable<TuningReport, TuneProgress>(options, (remote, call, onProgress) =>
      remote.tune(call, precision ? { precision } : {}, onProgress),
    );
  }

  download(modelId: string, options: Cancellable = {}): Promise<void> {
    return this.#cancellable(options, (remote, call, onProgress) => remote.download(call, modelId, onProgress));
  }

  verify(modelId: string, options: Cancellable = {}): Promise<number> {
    return this.#cancellable(options, (remote, call, onProgress) => remote.verify(call, modelId, onProgress));
  }

  generate(spec: SpecInput, { signal, onProgress, ...wire }: GenerateOptions = {}): Promise<Clip> {
    this.#replaceForThreads(wire);
    void requestPersistence(); // Only pages can ask, best on a click; workers can't.
    return this.#cancellable({ ...(signal && { signal }), ...(onProgress && { onProgress }) }, (remote, call, progress) =>
      remote.generate(call, { ...spec }, { ...wire, ...(wire.plan && { plan: plain(wire.plan) }) }, progress),
    );
  }

  exportClip({ report, latents }: Clip, { signal, onProgress, ...wire }: ExportOptions): Promise<Clip> {
    return this.#cancellable({ ...(signal && { signal }), ...(onProgress && { onProgress }) }, (remote, call, progress) =>
      remote.exportClip(call, { report: plain(report), ...(latents && { latents }) }, wire, progress),
    );
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#link?.fail(new KinoraError('aborted', 'The engine was shut down.', 'Create a new one to go on.'));
  }

  /** Signals become `cancel` messages, callbacks proxies. */
  async #cancellable<T, P = Progress>(
    { signal, onProgress }: Cancellable<P>,
    work: (remote: Comlink.Remote<RemoteEngine>, call: number, onProgress: ((progress: P) => void) | null) => Promise<T>,
  ): Promise<T> {
    throwIfAborted(signal);
    const link = this.#connect();
    const call = ++this.#lastCall;
    const onAbort = () => void link.call((remote) => remote.cancel(call)).catch(() => undefined); // The call itself says what went wrong.
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await link.call((remote) => work(remote, call, onProgress ? Comlink.proxy(guardCallback(onProgress)) : null));
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #call<T>(work: (remote: Comlink.Remote<RemoteEngine>) => Promise<T>): Promise<T> {
    return this.#connect().call(work);
  }

  /** The runtime's threads are fixed once it has started: a job that insists on another number gets a worker of its own. */
  #replaceForThreads({ threads, plan }: Pick<GenerateOptions, 'threads' | 'plan'>): void {
    const wanted = plan?.transformer?.backend === 'ort-wasm' ? plan.transformer.threads : threads;
    if (wanted === this.#threads) return;
    this.#threads = wanted;
    this.#link?.retire();
  }

  #connect(): WorkerLink {
    if (this.#isDisposed) throw new KinoraError('internal', 'This engine was shut down.', 'Create a new one.');
    if (this.#link && this.#link.isUsable) return this.#link;
    const worker = (this.#options.createWorker ?? startWorker)();
    this.#link = new WorkerLink(worker, { modelBase: this.#modelBase() }, this.#options.silenceMs ?? SILENCE_MS);
    return this.#link;
  }

  /** Relative to the page: the worker lies somewhere else. */
  #modelBase(): string {
    const base = new URL(this.#options.modelBase ?? 'models/', globalThis.document?.baseURI ?? globalThis.location?.href);
    return base.pathname.endsWith('/') ? base.href : new URL(`${base.pathname}/`, base).href;
  }
}

/** JSON data without the proxies that state libraries put round it: those can't be sent to a worker. */
function plain<T>(json: T): T {
  return JSON.parse(JSON.stringify(json)) as T;
}

/** A callback that throws is the caller's defect: it is reported like one in an event listener, and the job goes on. */
function guardCallback<P>(onProgress: (progress: P) => void): (progress: P) => void {
  return (progress) => {
    try {
      onProgress(progress);
    } catch (error) {
      globalThis.reportError?.(error);
    }
  };
}

function startWorker(): Worker {
  try {
    return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'kinora' });
  } catch (error) {
    throw new KinoraError(
      'unsupported',
      'This browser can’t start the engine’s worker.',
      'Use a current Chrome, Edge, Firefox or Safari.',
      { cause: error },
    );
  }
}
