import * as Comlink from 'comlink';
import type { Environment } from './environment';
import { KinoraEngine, type ExportSource } from './engine';
import type { SpecInput } from './spec';
import type { Clip, GenerateOptions, Progress, RunOptions, TuneCallOptions, TuneProgress, TuningReport } from './types';
import {
  transferClip,
  transferProgress,
  type EngineSettings,
  type ExportOptions,
  type ProgressCallback,
  type RemoteEngine,
  type TuneCallback,
  type WireOptions,
} from './wire';

/** The worker's side of the boundary: one engine, and the calls that may be cancelled. */
export class WorkerHost implements RemoteEngine {
  readonly #createEnvironment: (settings: EngineSettings) => Environment;
  readonly #calls = new Map<number, AbortController>();
  #engine: KinoraEngine | null = null;

  constructor(createEnvironment: (settings: EngineSettings) => Environment) {
    this.#createEnvironment = createEnvironment;
  }

  configure(settings: EngineSettings): void {
    this.#engine = new KinoraEngine(this.#createEnvironment(settings));
  }

  ping(): void {}

  cancel(call: number): void {
    this.#calls.get(call)?.abort();
  }

  capabilities() {
    return this.#ready.capabilities();
  }

  models() {
    return this.#ready.models();
  }

  describe(modelId: string) {
    return this.#ready.describe(modelId);
  }

  remove(modelId: string) {
    return this.#ready.remove(modelId);
  }

  partial() {
    return this.#ready.partial();
  }

  interruptedSpec() {
    return this.#ready.interruptedSpec();
  }

  prepare(modelId: string, options: RunOptions) {
    return this.#ready.prepare(modelId, options);
  }

  embed(text: string) {
    return this.#ready.embed(text);
  }

  download(call: number, modelId: string, onProgress: ProgressCallback | null): Promise<void> {
    return this.#cancellable(call, onProgress, (options) => this.#ready.download(modelId, options));
  }

  verify(call: number, modelId: string, onProgress: ProgressCallback | null): Promise<number> {
    return this.#cancellable(call, onProgress, (options) => this.#ready.verify(modelId, options));
  }

  generate(call: number, spec: SpecInput, wire: WireOptions<GenerateOptions>, onProgress: ProgressCallback | null): Promise<Clip> {
    return this.#cancellable(call, onProgress, async (options) => transferClip(await this.#ready.generate(spec, { ...wire, ...options })));
  }

  exportClip(call: number, source: ExportSource, wire: WireOptions<ExportOptions>, onProgress: ProgressCallback | null): Promise<Clip> {
    return this.#cancellable(call, onProgress, async (options) =>
      transferClip(await this.#ready.exportClip(source, { ...wire, ...options })),
    );
  }

  tune(call: number, wire: WireOptions<TuneCallOptions>, onProgress: TuneCallback | null): Promise<TuningReport> {
    return this.#cancellable(call, onProgress, (options) => this.#ready.tune({ ...wire, ...options }));
  }

  dispose() {
    return this.#ready.dispose();
  }

  get #ready(): KinoraEngine {
    if (!this.#engine) throw new Error('The worker was called before it was configured.');
    return this.#engine;
  }

  async #cancellable<T, P extends Progress | TuneProgress>(
    call: number,
    onProgress: ((progress: P) => void) | null,
    work: (options: { signal: AbortSignal; onProgress?: (progress: P) => void }) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    this.#calls.set(call, controller);
    // Progress has a channel of its own: the result waits until the last of it has been answered.
    let lastReport: unknown;
    const report =
      onProgress && ((progress: P) => (lastReport = onProgress('phase' in progress ? (transferProgress(progress) as P) : progress)));
    try {
      const result = await work({ signal: controller.signal, ...(report ? { onProgress: report } : {}) });
      await lastReport;
      return result;
    } finally {
      this.#calls.delete(call);
      if (onProgress && Comlink.releaseProxy in onProgress) (onProgress as unknown as Comlink.ProxyMethods)[Comlink.releaseProxy]();
    }
  }
}
