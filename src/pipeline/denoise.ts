import { KinoraError, throwIfAborted } from '../errors';
import type { DeviceTensor, Executor } from '../graph/executor';
import { applyStep, type Algebra } from '../sampling/apply-step';
import { createSampler } from '../sampling/create-sampler';
import { guide } from '../sampling/guidance';
import { TorchGenerator } from '../sampling/noise';
import type { Sampler } from '../sampling/sampler';
import { holdFrames, type HeldFrames } from './hold-frames';
import { previewTensor, readPreview } from './preview';
import { readBack } from './read-back';
import { TensorScope } from './tensor-scope';
import type { DenoiseRequest, DenoiseSpec, Latents, PipelineConfig, StepReport } from './types';
import type { CrossAttention, OpenClip, VelocityModel } from './velocity-model';

export interface DenoiseSetting extends Pick<PipelineConfig, 'latentRgb' | 'sigmaGrids' | 'sigmaData'> {
  readonly executor: Executor;
  readonly model: VelocityModel;
}

export interface DenoiseCall extends Pick<DenoiseRequest, 'known' | 'start' | 'noise' | 'signal' | 'onStep'> {
  readonly spec: Omit<DenoiseSpec, 'width' | 'height' | 'frames'>;
  readonly shape: Latents['shape'];
  readonly cond: CrossAttention;
  readonly uncond?: CrossAttention;
}

/** From noise to latents. Latents stay on the executor; what a step leaves (the state to go on from, and a preview) is read back once, together. */
export async function denoise(setting: DenoiseSetting, call: DenoiseCall): Promise<Latents> {
  checkCall(call);
  throwIfAborted(call.signal);
  const clip = await setting.model.open(call.shape, { signal: call.signal });
  const scopes = { clip: new TensorScope(), step: new TensorScope() };
  try {
    return await runSteps(setting, call, clip, scopes);
  } finally {
    scopes.step.dispose();
    scopes.clip.dispose();
    clip.dispose();
  }
}

async function runSteps(
  setting: DenoiseSetting,
  call: DenoiseCall,
  clip: OpenClip,
  scopes: { readonly clip: TensorScope; readonly step: TensorScope },
): Promise<Latents> {
  const { executor, model } = setting;
  const { shape, known, start, signal, noise = new TorchGenerator(call.spec.seed) } = call;
  const count = shape.reduce((product, size) => product * size, 1);
  const upload = (data: Float32Array, scope: TensorScope): DeviceTensor => scope.own(executor.upload(data, shape));
  const algebra: Algebra<DeviceTensor> = {
    combine: async (terms) => scopes.step.own(await executor.combine(terms)),
    release: (tensor) => scopes.step.release(tensor),
  };
  const sampler = samplerOf(setting, call);
  const first = start?.step ?? 0;

  // The stream of noise is the same wherever the loop starts.
  const startNoise = noise.next(count);
  for (const step of sampler.steps.slice(0, first)) if (step.freshNoise) noise.next(count);

  const held: HeldFrames | undefined = known && {
    latents: upload(known.latents.data, scopes.clip),
    mask: known.mask,
    noise: model.merged ? upload(startNoise, scopes.clip) : null,
  };
  const hold = async (latents: DeviceTensor, sigma: number): Promise<DeviceTensor> =>
    held ? scopes.step.own(await holdFrames(executor, algebra, held, latents, sigma)) : latents;

  let state: ReadonlyMap<string, DeviceTensor> = new Map(
    Object.entries(start?.history ?? {}).map(([name, data]) => [name, upload(data, scopes.step)]),
  );
  const begin = start ? start.latents.data : startNoise.map((value) => value * sampler.startScale);
  state = new Map(state).set('latents', await hold(upload(begin, scopes.step), sampler.sigmas[first]!));

  let last: Latents | undefined;
  for (const [index, step] of sampler.steps.entries()) {
    if (index < first) continue;
    throwIfAborted(signal);
    const startedAt = performance.now();
    const predict = async (cross: CrossAttention): Promise<DeviceTensor> =>
      scopes.step.own(await clip.predict(state.get('latents')!, step.timestep, known?.mask, cross));
    const cond = await predict(call.cond);
    const velocity = call.spec.guidance === 1 ? cond : await guide(algebra, cond, await predict(call.uncond!), call.spec.guidance);
    const fresh = step.freshNoise ? upload(noise.next(count), scopes.step) : undefined;
    const applied = await applyStep(algebra, step, state, velocity, fresh);
    state = new Map(applied.state).set('latents', await hold(applied.state.get('latents')!, step.nextSigma));
    const snapshot = call.onStep && (await takeSnapshot(setting, scopes.step, state, await hold(applied.denoised, 0), shape));
    scopes.step.retain(state.values());
    if (!snapshot) continue;
    call.onStep?.({
      step: index + 1,
      steps: sampler.steps.length,
      seconds: (performance.now() - startedAt) / 1000,
      preview: snapshot.preview,
      state: { step: index + 1, latents: snapshot.latents, history: snapshot.history },
    });
    last = snapshot.latents;
  }
  return last ? { data: last.data.slice(), shape } : { data: (await executor.download(state.get('latents')!)) as Float32Array, shape };
}

async function takeSnapshot(
  { executor, latentRgb }: DenoiseSetting,
  scope: TensorScope,
  state: ReadonlyMap<string, DeviceTensor>,
  denoised: DeviceTensor,
  shape: Latents['shape'],
): Promise<{ preview: StepReport['preview']; latents: Latents; history: NonNullable<StepReport['state']['history']> }> {
  const picture = await previewTensor(executor, scope, denoised, latentRgb);
  const [preview, ...values] = await readBack(executor, [picture, ...state.values()]);
  const names = [...state.keys()];
  const { latents, ...history } = Object.fromEntries(values.map((data, index) => [names[index]!, data as Float32Array]));
  return { preview: readPreview(preview!, shape, latentRgb), latents: { data: latents!, shape }, history };
}

function samplerOf({ sigmaGrids, sigmaData }: DenoiseSetting, { spec, start }: DenoiseCall): Sampler {
  return createSampler({
    name: spec.sampler,
    steps: spec.steps,
    shift: spec.shift,
    eulerGrid: sigmaGrids?.euler,
    unipcGrid: sigmaGrids?.unipc,
    sigmaData,
    startStep: start?.step,
    history: start?.history && Object.keys(start.history),
  });
}

/** Throws `invalid-spec` when the parts of a call do not belong together. */
function checkCall({ spec, shape, start, known, uncond }: DenoiseCall): void {
  const fits = (latents: Latents): boolean => latents.shape.every((size, axis) => size === shape[axis]);
  if (spec.guidance !== 1 && !uncond)
    throw new KinoraError('invalid-spec', 'Guidance needs a negative prompt, if only an empty one.', 'Encode one, or set guidance to 1.');
  if (known && (!fits(known.latents) || known.mask.length !== shape[1]))
    throw new KinoraError(
      'invalid-spec',
      'The given frames do not have the size of the clip.',
      'Use the same width, height and number of frames.',
    );
  if (start && !(fits(start.latents) && Number.isInteger(start.step) && start.step >= 0 && start.step <= spec.steps))
    throw new KinoraError(
      'invalid-spec',
      'The state to go on from belongs to another clip.',
      'Use the spec that it was made with, or start anew.',
    );
}
