import type { Pipeline, PipelineExecutors } from '../pipeline/types';
import { checkReplay, type BackendDecision } from './choose-backend';
import type { BytesProgress, Environment, OpenModel } from './environment';
import type { ExecutionPlan } from './types';

/** A model, opened and compiled for one way of running. */
export interface LoadedModel {
  readonly model: OpenModel;
  readonly pipeline: Pipeline;
  readonly executors: PipelineExecutors;
}

/** Keeps the model of the last job ready for the next one: compiling again would cost seconds. At most one is in memory. */
export class LoadedModelCache {
  readonly #environment: Environment;
  #key: string | null = null;
  #loaded: LoadedModel | null = null;
  #isCompiled = false;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** The id of the model in memory, or null. */
  get modelId(): string | null {
    return this.#loaded?.model.manifest.id ?? null;
  }

  /** Whether the model is in memory, compiled, for this way of running. */
  isReady(modelId: string, decision: BackendDecision): boolean {
    return this.#isCompiled && this.#key === keyOf(modelId, decision);
  }

  /**
   * The model, opened: the one in memory where it fits, else opened anew after the other one has gone. Networks compile at
   * their first use, or in `pipeline.load()`. Throws `unsupported` when a plan that is to be run again can't be met.
   */
  async get(modelId: string, decision: BackendDecision): Promise<LoadedModel> {
    const { networks, choices, precision, threads, replay } = decision;
    const key = keyOf(modelId, decision);
    if (this.#loaded && this.#key === key) {
      if (replay) checkReplay(replay, this.#loaded.executors);
      return this.#loaded;
    }
    await this.drop();
    const model = await this.#environment.models.open(modelId);
    const executors = await this.#environment.createExecutors({ networks, choices, precision, threads, ...(replay ? { replay } : {}) });
    try {
      if (replay) checkReplay(replay, executors);
      this.#loaded = { model, executors, pipeline: this.#environment.createPipeline({ executors, model }) };
      this.#key = key;
      return this.#loaded;
    } catch (error) {
      await disposeExecutors(executors);
      throw error;
    }
  }

  /** Compiles every network that is not compiled yet; a model that fails to is dropped, for half of it is no use to anybody. */
  async compile({ pipeline }: LoadedModel, signal: AbortSignal | undefined, onProgress: BytesProgress): Promise<void> {
    try {
      await pipeline.load({ onProgress, ...(signal ? { signal } : {}) });
      this.#isCompiled = true;
    } catch (error) {
      await this.drop();
      throw error;
    }
  }

  /** Releases what is in memory. */
  async drop(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = null;
    this.#key = null;
    this.#isCompiled = false;
    if (!loaded) return;
    try {
      await loaded.pipeline.dispose();
    } finally {
      await disposeExecutors(loaded.executors);
    }
  }
}

/** What a report says about how it was run. */
export function planOf({ executors }: LoadedModel, decision: BackendDecision): ExecutionPlan {
  return {
    requested: decision.requested,
    reason: decision.reason,
    textEncoder: executors.textEncoder.plan,
    transformer: executors.transformer.plan,
    autoencoder: executors.autoencoder.plan,
  };
}

async function disposeExecutors(executors: PipelineExecutors): Promise<void> {
  for (const executor of new Set([executors.textEncoder, executors.transformer, executors.autoencoder])) await executor.dispose();
}

function keyOf(modelId: string, { networks, choices, precision, threads, replay }: BackendDecision): string {
  const variants = replay && [replay.textEncoder.variants, replay.transformer.variants, replay.autoencoder.variants];
  return JSON.stringify([modelId, networks, choices, precision, threads, variants]);
}
