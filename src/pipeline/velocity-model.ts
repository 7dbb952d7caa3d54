import { throwIfAborted } from '../errors';
import type { InputShape } from '../graph/bindings';
import { tensorBytes, type ChainMemory } from '../graph/chain-memory';
import type { DeviceTensor, Executor } from '../graph/executor';
import type { WeightSource } from '../graph/types';
import type { WanConfig } from '../networks/wan-config';
import { ropeTables, timestepSinusoid } from '../networks/wan-tables';
import { wanContext, wanPlaces, wanStep, wanTokens } from '../networks/wan-transformer';
import { LazyChain } from './lazy-chain';
import { TensorScope } from './tensor-scope';
import type { CallOptions, Latents } from './types';

/** Keys and values of cross-attention, by the names of `wanStep`'s inputs. */
export type CrossAttention = Readonly<Record<string, DeviceTensor>>;

/** Above this, the transformer is compiled block by block, so that no single segment holds all its weights at once. */
const WHOLE_MODEL_BYTES = 256 * 2 ** 20;

export interface VelocityModelOptions {
  readonly executor: Executor;
  readonly weights: WeightSource;
  readonly config: WanConfig;
  /** Whether one timestep serves all latent frames. */
  readonly merged: boolean;
}

/** The diffusion transformer: latents, noise levels and a prompt to the velocity `noise − clip`, or what stands for it (sampling/precondition.ts). */
export class VelocityModel {
  readonly context: LazyChain;
  /** Null where tokens are not told their place. */
  readonly places: LazyChain | null;
  readonly step: LazyChain;
  readonly #options: VelocityModelOptions;

  constructor(options: VelocityModelOptions) {
    const { executor, weights, config, merged } = options;
    this.#options = options;
    this.context = new LazyChain(executor, [wanContext(weights, config)], weights);
    const places = wanPlaces(weights, config);
    this.places = places && new LazyChain(executor, [places], weights);
    const chain = (grouping: 'whole' | 'layers') => new LazyChain(executor, wanStep(weights, config, { merged, grouping }), weights);
    const whole = chain('whole');
    this.step = whole.loadBytes <= WHOLE_MODEL_BYTES ? whole : chain('layers');
  }

  /** All of them, in the order in which they are needed. */
  get chains(): readonly LazyChain[] {
    return [this.context, ...(this.places ? [this.places] : []), this.step];
  }

  get merged(): boolean {
    return this.#options.merged;
  }

  /** What the transformer derives from a context [rows, textDim] alone; the caller's to dispose of. */
  async crossAttention(context: Float32Array, { signal }: CallOptions = {}): Promise<CrossAttention> {
    const { executor, config } = this.#options;
    const chain = await this.context.get({ signal });
    const rows = executor.upload(context, [context.length / config.textDim, config.textDim]);
    try {
      return await chain.run({ context: rows });
    } finally {
      rows.dispose();
    }
  }

  /**
   * What a step on clips of one shape, what it takes from the shape alone, and the keys and values of `prompts` contexts of some rows will take on
   * a GPU; null where that is not known.
   */
  planMemory(shape: Latents['shape'], rows: number, prompts: number): TransformerMemory | null {
    const { config, merged } = this.#options;
    const f32 = (...sizes: number[]): InputShape => ({ shape: sizes, type: 'f32' });
    const context = this.context.planMemory({ context: f32(rows, config.textDim) });
    if (!context) return null;
    const { F, S } = wanTokens(config, shape, { merged });
    const rope = { ropeCos: f32(F, S, config.headDim / 2), ropeSin: f32(F, S, config.headDim / 2) };
    const places = this.places?.planMemory(rope) ?? null;
    const shared = { ...rope, ...places?.outputs };
    const sinusoid = f32(F, config.freqDim);
    const step = this.step.planMemory({ latents: f32(...shape), sinusoid, ...shared, ...context.outputs })!;
    const given = tensorBytes([...Object.values(shared), sinusoid]) + prompts * tensorBytes(Object.values(context.outputs));
    return { before: places ? [context, places] : [context], step, given };
  }

  /** Compiles, and computes what all steps on clips of one shape share. */
  async open(shape: Latents['shape'], { signal }: CallOptions = {}): Promise<OpenClip> {
    const { executor, config, merged } = this.#options;
    const chain = await this.step.get({ signal });
    const places = await this.places?.get({ signal });
    const { F, S } = wanTokens(config, shape, { merged });
    const tables = ropeTables(config, shape[1], shape[2] / config.patch, shape[3] / config.patch);
    const tableShape = [F, S, config.headDim / 2];
    const scope = new TensorScope();
    const rope = scope.ownAll({ ropeCos: executor.upload(tables.cos, tableShape), ropeSin: executor.upload(tables.sin, tableShape) });
    let shared: Record<string, DeviceTensor> = rope;
    try {
      if (places) shared = { ...rope, ...scope.ownAll(await places.run(rope, { signal })) };
    } catch (error) {
      scope.dispose();
      throw error;
    }
    return {
      predict: async (latents, timestep, cleanFrames, cross) => {
        throwIfAborted(signal);
        // Timesteps reach the model in f32, as they do in PyTorch.
        const timesteps = Array.from({ length: F }, (_, frame) => (!merged && cleanFrames?.[frame] ? 0 : Math.fround(timestep)));
        const sinusoid = executor.upload(timestepSinusoid(timesteps, config.freqDim), [F, config.freqDim]);
        try {
          const outputs = await chain.run({ ...shared, latents, sinusoid, ...cross }, { signal });
          return outputs.velocity!;
        } finally {
          sinusoid.dispose();
        }
      },
      dispose: () => scope.dispose(),
    };
  }

  async dispose(): Promise<void> {
    for (const chain of this.chains) await chain.dispose();
  }
}

export interface TransformerMemory {
  /** What runs once, before the first step. */
  readonly before: readonly ChainMemory[];
  readonly step: ChainMemory;
  /** Bytes of the tensors that live from step to step besides the latents. */
  readonly given: number;
}

/** The transformer made ready for clips of one shape. */
export interface OpenClip {
  /**
   * Velocity [C, T, H, W] of `latents` at a timestep 0 to 1000; frames marked clean are at 0 where the model has a timestep per
   * frame. Inputs stay the caller's, the result becomes the caller's.
   */
  predict(
    latents: DeviceTensor,
    timestep: number,
    cleanFrames: readonly boolean[] | undefined,
    cross: CrossAttention,
  ): Promise<DeviceTensor>;
  dispose(): void;
}
