import { KinoraError, throwIfAborted } from '../errors';
import type { DeviceTensor, Executor } from '../graph/executor';
import type { WeightSource } from '../graph/types';
import type { WanConfig } from '../networks/wan-config';
import { ropeTables, timestepSinusoid } from '../networks/wan-tables';
import { wanContext, wanStep, wanTokens } from '../networks/wan-transformer';
import { applyStep } from '../sampling/apply-step';
import { createSampler } from '../sampling/create-sampler';
import { guide } from '../sampling/guidance';
import { TorchGenerator } from '../sampling/noise';
import { holdFrames, type HeldFrames } from './hold-frames';
import { LazyChain } from './lazy-chain';
import { previewFrames } from './preview';
import { compileOptions } from './prompt-encoder';
import { TensorScope } from './tensor-scope';
import type { CallOptions, DenoiseRequest, DenoiseState, Latents, PipelineConfig } from './types';

/** Keys and values of cross-attention, by the names of `wanStep`'s inputs. */
export type CrossAttention = Readonly<Record<string, DeviceTensor>>;

export interface DenoiserOptions extends Pick<PipelineConfig, 'timesteps' | 'latentRgb' | 'sigmaGrids'> {
  readonly executor: Executor;
  readonly weights: WeightSource;
  readonly config: WanConfig;
}

export type DenoiseCall = Omit<DenoiseRequest, 'context' | 'uncond'> & {
  readonly shape: Latents['shape'];
  readonly cond: CrossAttention;
  readonly uncond?: CrossAttention;
};

/** Above this, the transformer is compiled block by block, so that no single segment holds all its weights at once. */
const WHOLE_MODEL_BYTES = 256 * 2 ** 20;

/** The diffusion transformer and the loop round it. Latents stay on the executor; only previews and snapshots are read back. */
export class Denoiser {
  readonly context: LazyChain;
  readonly step: LazyChain;
  readonly #options: DenoiserOptions;
  readonly #merged: boolean;

  constructor(options: DenoiserOptions) {
    const { executor, weights, config, timesteps } = options;
    this.#options = options;
    this.#merged = timesteps === 'one';
    this.context = new LazyChain(executor, [wanContext(weights, config)], weights);
    const whole = new LazyChain(executor, wanStep(weights, config, { merged: this.#merged, grouping: 'whole' }), weights);
    this.step =
      whole.loadBytes <= WHOLE_MODEL_BYTES
        ? whole
        : new LazyChain(executor, wanStep(weights, config, { merged: this.#merged, grouping: 'layers' }), weights);
  }

  /** What the transformer derives from a context [rows, textDim] alone; the caller's to dispose of. */
  async crossAttention(context: Float32Array, { signal }: CallOptions = {}): Promise<CrossAttention> {
    const chain = await this.context.get(compileOptions(signal));
    const rows = this.#options.executor.upload(context, [context.length / this.#options.config.textDim, this.#options.config.textDim]);
    try {
      return await chain.run({ context: rows });
    } finally {
      rows.dispose();
    }
  }

  async denoise(call: DenoiseCall): Promise<Latents> {
    throwIfAborted(call.signal);
    const chain = await this.step.get(compileOptions(call.signal));
    const scope = new TensorScope();
    try {
      return await this.#loop(call, scope, (inputs) => chain.run(inputs, call.signal ? { signal: call.signal } : {}));
    } finally {
      scope.dispose();
    }
  }

  async dispose(): Promise<void> {
    await this.context.dispose();
    await this.step.dispose();
  }

  async #loop(
    { spec, shape, cond, uncond, known, start, noise = new TorchGenerator(spec.seed), signal, onStep }: DenoiseCall,
    scope: TensorScope,
    run: (inputs: Record<string, DeviceTensor>) => Promise<Record<string, DeviceTensor>>,
  ): Promise<Latents> {
    const { executor, config, latentRgb, sigmaGrids } = this.#options;
    const count = shape.reduce((product, size) => product * size, 1);
    checkCall({ spec, shape, start, known, uncond });
    const first = start?.step ?? 0;
    const sampler = createSampler({
      name: spec.sampler,
      steps: spec.steps,
      shift: spec.shift,
      ...(sigmaGrids?.euler ? { eulerGrid: sigmaGrids.euler } : {}),
      ...(sigmaGrids?.unipc ? { unipcGrid: sigmaGrids.unipc } : {}),
      startStep: first,
      history: Object.keys(start?.history ?? {}),
    });

    // The stream of noise is the same wherever the loop starts.
    const startNoise = noise.next(count);
    for (const step of sampler.steps.slice(0, first)) if (step.freshNoise) noise.next(count);

    const upload = (data: Float32Array, size: readonly number[] = shape): DeviceTensor => scope.own(executor.upload(data, size));
    const held: HeldFrames | null = known
      ? { latents: upload(known.latents.data), mask: known.mask, noise: this.#merged ? upload(startNoise) : null }
      : null;
    const { F, S } = wanTokens(config, shape, { merged: this.#merged });
    const rope = ropeTables(config, shape[1], shape[2] / config.patch, shape[3] / config.patch);
    const tableShape = [F, S, config.headDim / 2];
    const constant = { ropeCos: upload(rope.cos, tableShape), ropeSin: upload(rope.sin, tableShape) };
    const algebra = {
      combine: async (terms: Parameters<Executor['combine']>[0]) => scope.own(await executor.combine(terms)),
      release: (tensor: DeviceTensor) => scope.release([tensor]),
    };
    const hold = async (latents: DeviceTensor, sigma: number): Promise<DeviceTensor> =>
      held ? holdFrames(executor, scope, held, latents, sigma) : latents;
    const read = async (tensor: DeviceTensor): Promise<Float32Array> => (await executor.download(tensor)) as Float32Array;

    const begin = start ? start.latents.data : startNoise.map((value) => value * sampler.startScale);
    let state: ReadonlyMap<string, DeviceTensor> = new Map([
      ...Object.entries(start?.history ?? {}).map(([name, data]): [string, DeviceTensor] => [name, upload(data)]),
      ['latents', await hold(upload(begin), sampler.sigmas[first] ?? 0)],
    ]);

    for (const [index, step] of sampler.steps.entries()) {
      if (index < first) continue;
      throwIfAborted(signal);
      const startedAt = performance.now();
      // Timesteps reach the model in f32, as they do in PyTorch.
      const timestep = Math.fround(step.timestep);
      const timesteps = this.#merged ? [timestep] : Array.from({ length: F }, (_, t) => (known?.mask[t] ? 0 : timestep));
      const inputs = {
        ...constant,
        latents: state.get('latents')!,
        sinusoid: upload(timestepSinusoid(timesteps, config.freqDim), [F, config.freqDim]),
      };
      const predict = async (cross: CrossAttention): Promise<DeviceTensor> => {
        throwIfAborted(signal);
        return scope.ownAll(await run({ ...inputs, ...cross })).velocity!;
      };

      const used: DeviceTensor[] = [inputs.sinusoid];
      let velocity = await predict(cond);
      if (spec.guidance !== 1) {
        const unguided = await predict(uncond!);
        used.push(velocity, unguided);
        velocity = await guide(algebra, velocity, unguided, spec.guidance);
      }
      const fresh = step.freshNoise ? upload(noise.next(count)) : undefined;
      const applied = await applyStep(algebra, step, state, velocity, fresh);
      const latents = await hold(applied.state.get('latents')!, step.nextSigma);
      const next = new Map(applied.state).set('latents', latents);

      let history: Record<string, Float32Array> = {};
      let preview: Latents | null = null;
      let snapshot: Latents | null = null;
      if (onStep) {
        const shown = held ? await holdFrames(executor, scope, held, applied.denoised, 0) : applied.denoised;
        preview = { data: await read(shown), shape };
        snapshot = { data: await read(latents), shape };
        for (const [name, tensor] of next) if (name !== 'latents') history = { ...history, [name]: await read(tensor) };
        used.push(shown);
      }
      const kept = new Set(next.values());
      scope.release(
        [...state.values(), ...applied.state.values(), ...used, velocity, applied.denoised, ...(fresh ? [fresh] : [])].filter(
          (t) => !kept.has(t),
        ),
      );
      state = next;
      if (onStep && preview && snapshot)
        onStep({
          step: index + 1,
          steps: sampler.steps.length,
          seconds: (performance.now() - startedAt) / 1000,
          preview: previewFrames(preview, latentRgb),
          state: { step: index + 1, latents: snapshot, history },
        });
    }
    return { data: await read(state.get('latents')!), shape };
  }
}

function checkCall({ spec, shape, start, known, uncond }: Pick<DenoiseCall, 'spec' | 'shape' | 'start' | 'known' | 'uncond'>): void {
  const refuse = (message: string, hint: string): never => {
    throw new KinoraError('invalid-spec', message, hint);
  };
  const fits = (latents: Latents): boolean => latents.shape.every((size, axis) => size === shape[axis]);
  if (spec.guidance !== 1 && !uncond)
    refuse('Guidance needs a negative prompt, if only an empty one.', 'Encode one, or set guidance to 1.');
  if (known && (!fits(known.latents) || known.mask.length !== shape[1]))
    refuse('The given frames do not have the size of the clip.', 'Use the same width, height and number of frames.');
  if (start && (!fits(start.latents) || !isStepOf(start, spec.steps)))
    refuse('The state to go on from belongs to another clip.', 'Start anew, or use the spec that it was made with.');
}

function isStepOf({ step }: DenoiseState, steps: number): boolean {
  return Number.isInteger(step) && step >= 0 && step <= steps;
}
