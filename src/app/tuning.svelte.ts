import { toKinoraError, type KinoraError } from '../errors';
import type { Kinora, TuneProgress, TuningReport } from '../engine/types';
import type { Precision } from './preferences.svelte';

/** Measuring the graphics device, on request: how far it is, and what came of it. */
export class Tuning {
  #progress = $state.raw<TuneProgress | null>(null);
  #error = $state.raw<KinoraError | null>(null);
  #stop = $state.raw<AbortController | null>(null);
  readonly #kinora: Pick<Kinora, 'tune'>;

  constructor(kinora: Pick<Kinora, 'tune'>) {
    this.#kinora = kinora;
  }

  get isRunning(): boolean {
    return this.#stop !== null;
  }

  get error(): KinoraError | null {
    return this.#error;
  }

  /** What is being measured, in words; empty when nothing is. */
  get status(): string {
    if (!this.isRunning) return '';
    if (!this.#progress) return 'Loading the model…';
    const { what, done, total } = this.#progress;
    return what === 'kernels' ? `Kernels: ${done} of ${total} measured…` : `Comparing with onnxruntime: ${done} of ${total} done…`;
  }

  /** Measures; null when it was stopped or failed, which `error` then tells. */
  async measure(precision: Precision | null): Promise<TuningReport | null> {
    if (this.#stop) return null;
    const stop = new AbortController();
    this.#stop = stop;
    this.#error = null;
    try {
      return await this.#kinora.tune({
        ...(precision ? { precision } : {}),
        signal: stop.signal,
        onProgress: (progress) => (this.#progress = progress),
      });
    } catch (thrown) {
      const error = toKinoraError(thrown);
      if (error.code !== 'aborted') this.#error = error;
      return null;
    } finally {
      this.#stop = null;
      this.#progress = null;
    }
  }

  stop(): void {
    this.#stop?.abort();
  }
}

/** A report as a table of plain text, for the console. */
export function printTuning({ adapter, precision, kernels, networks, problems }: TuningReport): string {
  const ms = (value: number | null) => (value === null ? 'not to be had' : `${value.toFixed(3)} ms`);
  return [
    `${adapter}, ${precision}`,
    ...kernels.flatMap(({ key, sizes, byDefault, chosen, timings }) => [
      `${key} (${sizes.join(' x ')})`,
      ...timings.map(
        ({ configuration, ms: took }) =>
          `  ${configuration}: ${ms(took)}${configuration === chosen ? ', chosen' : ''}${configuration === byDefault ? ', default' : ''}`,
      ),
    ]),
    ...Object.entries(networks).map(([name, times]) => `${name}: wgsl ${ms(times.wgsl)}, ort-webgpu ${ms(times['ort-webgpu'])}`),
    ...problems,
  ].join('\n');
}
