import { toKinoraError } from '../errors';
import type { JobMemory, PipelineExecutors } from '../pipeline/types';
import type { LoadedModel } from './loaded-model';
import type { GenerationSpec } from './spec';
import type { ReportedMemory } from './types';

/** What a job will take on the GPU, and what it took. */
export class JobMemoryMeter {
  #planned: JobMemory | null = null;
  #executors: PipelineExecutors | null = null;
  #peakBytes = 0;

  /** Plans the job on a model that is opened and counts its peak from now on; a job that goes on with other executors goes on counting. */
  begin({ pipeline, executors }: LoadedModel, spec: GenerationSpec, tile: number | undefined): JobMemory | null {
    this.#collect();
    this.#executors = executors;
    for (const executor of distinct(executors)) executor.memory?.restart();
    this.#planned ??= planMemory(pipeline, spec, tile);
    return this.#planned;
  }

  /** The report's part; undefined where nothing is known. */
  get report(): ReportedMemory | undefined {
    this.#collect();
    if (!this.#planned) return undefined;
    const { peakBytes: plannedBytes, leastBytes: plannedLeastBytes } = this.#planned;
    return { plannedBytes, plannedLeastBytes, peakBytes: this.#peakBytes };
  }

  /** The most that was allocated at once so far. */
  get peakBytes(): number {
    this.#collect();
    return this.#peakBytes;
  }

  #collect(): void {
    if (!this.#executors) return;
    const now = distinct(this.#executors).reduce((sum, { memory }) => sum + (memory?.current().peakBytes ?? 0), 0);
    this.#peakBytes = Math.max(this.#peakBytes, now);
  }
}

/** A job's memory; null where it is not known, or where a piece is over the device's limits: running it says which, and what else can be done. */
export function planMemory(pipeline: LoadedModel['pipeline'], spec: GenerationSpec, tile?: number): JobMemory | null {
  try {
    return pipeline.planMemory(spec, [spec.prompt, spec.negativePrompt], tile === undefined ? {} : { tile });
  } catch (error) {
    if (toKinoraError(error).code === 'out-of-memory') return null;
    throw error;
  }
}

function distinct(executors: PipelineExecutors) {
  return [...new Set([executors.textEncoder, executors.transformer, executors.autoencoder])];
}
