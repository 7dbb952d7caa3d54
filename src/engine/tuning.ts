import * as v from 'valibot';
import { KinoraError, throwIfAborted, toKinoraError } from '../errors';
import type { KernelTiming, Precision } from '../graph/executor';
import type { Pipeline } from '../pipeline/types';
import type { ModelManifest } from '../weights/manifest';
import type { BackendDecision } from './choose-backend';
import type { DeviceFacts } from './device';
import type { Environment, KeptValues } from './environment';
import type { LoadedModelCache } from './loaded-model';
import type { NetworkBackends, NetworkTimes, TuneProgress, TuningReport } from './types';

/** What is known about a device from measuring it, for one precision. */
export interface Tuned {
  /** Configurations of kernel classes. */
  readonly kernels: Readonly<Record<string, string>>;
  /** Which backend was faster for the networks around the loop; null where only one could be measured. */
  readonly faster: Pick<NetworkBackends, 'textEncoder' | 'autoencoder'> | null;
}

/** A device with what was measured on it, by precision. */
export interface TunedFacts extends DeviceFacts {
  readonly tuned: Partial<Readonly<Record<Precision, Tuned>>>;
  /** Why `auto` leaves the graphics device alone although there is one. */
  readonly left?: string | undefined;
}

const times = v.object({ wgsl: v.number(), 'ort-webgpu': v.nullable(v.number()) });
const stored = v.object({
  key: v.string(),
  adapter: v.string(),
  precision: v.picklist(['exact', 'fast']),
  measured: v.string(),
  kernels: v.array(
    v.object({
      key: v.string(),
      sizes: v.array(v.number()),
      byDefault: v.string(),
      chosen: v.string(),
      timings: v.array(v.object({ configuration: v.string(), ms: v.number() })),
      refused: v.optional(v.array(v.string()), []),
    }),
  ),
  networks: v.object({ textEncoder: times, autoencoder: times }),
  problems: v.optional(v.array(v.string()), []),
});

/** The kept measurements of a precision, if they are of this adapter, browser and set of kernels. */
async function readTuning(kept: KeptValues, facts: DeviceFacts, precision: Precision): Promise<TuningReport | null> {
  if (facts.tuningKey === null) return null;
  const result = v.safeParse(stored, await kept.get(`tuning:${precision}`));
  return result.success && result.output.key === facts.tuningKey ? result.output : null;
}

/** A device, and the measurements that its facts come from. */
export interface FoundDevice extends TunedFacts {
  readonly reports: Readonly<Record<Precision, TuningReport | null>>;
}

/** The device, with what was measured on it before. */
export async function findDevice(environment: Pick<Environment, 'detectDevice' | 'kept'>): Promise<FoundDevice> {
  const facts = await environment.detectDevice();
  const read = (precision: Precision) => readTuning(environment.kept, facts, precision);
  const reports = { exact: await read('exact'), fast: await read('fast') };
  const tuned: Partial<Record<Precision, Tuned>> = {};
  for (const precision of ['exact', 'fast'] as const) if (reports[precision]) tuned[precision] = tunedOf(reports[precision]);
  return { ...facts, tuned, reports };
}

function tunedOf({ kernels, networks }: TuningReport): Tuned {
  const faster = ({ wgsl, 'ort-webgpu': ort }: NetworkTimes) => (ort !== null && ort < wgsl ? 'ort-webgpu' : 'wgsl');
  const measuredBoth = Object.values(networks).some((network: NetworkTimes) => network['ort-webgpu'] !== null);
  return {
    kernels: chosenOf(kernels),
    faster: measuredBoth ? { textEncoder: faster(networks.textEncoder), autoencoder: faster(networks.autoencoder) } : null,
  };
}

export interface TuningJob {
  readonly environment: Environment;
  readonly loaded: LoadedModelCache;
  readonly facts: TunedFacts;
  readonly manifest: ModelManifest;
  /** `wgsl` for all networks, without earlier measurements. */
  readonly decision: BackendDecision;
  /** Nobody asked for it: nothing large is fetched. */
  readonly inBackground: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TuneProgress) => void) | undefined;
}

/**
 * Measures this device once: the configurations of every kernel class at the sizes of a clip of the model's own size, then text encoder and
 * autoencoder on our kernels (as chosen) and on onnxruntime-web. Keeps the result; what is loaded is dropped, so that the next job uses it.
 */
export async function tuneDevice(job: TuningJob): Promise<TuningReport> {
  const { environment, loaded, facts, manifest, decision, signal, onProgress } = job;
  if (facts.tuningKey === null || decision.backend !== 'wgsl')
    throw new KinoraError('unsupported', 'There is no graphics device to measure.', 'Turn on graphics acceleration in the browser.');
  const model = manifest.id;
  await loaded.drop();
  try {
    const { pipeline, executors } = await loaded.get(model, decision);
    await rehearse(pipeline, manifest, signal);
    const kernels =
      (await executors.transformer.tune?.({ signal, onProgress: (done, total) => onProgress?.({ what: 'kernels', done, total }) })) ?? [];
    onProgress?.({ what: 'networks', done: 0, total: 2 });
    const tuned = { ...decision, choices: chosenOf(kernels) };
    const ours = await timeNetworks((await loaded.get(model, tuned)).pipeline, manifest, environment, signal);
    onProgress?.({ what: 'networks', done: 1, total: 2 });
    const theirs = await timeOrt(job);
    onProgress?.({ what: 'networks', done: 2, total: 2 });
    const network = (name: 'textEncoder' | 'autoencoder') => ({ wgsl: ours[name], 'ort-webgpu': theirs.times?.[name] ?? null });
    const report: TuningReport = {
      key: facts.tuningKey,
      adapter: facts.webgpu.adapter ?? 'unnamed adapter',
      precision: decision.precision,
      measured: new Date().toISOString(),
      kernels,
      networks: { textEncoder: network('textEncoder'), autoencoder: network('autoencoder') },
      problems: [...kernels.flatMap(describeRefused), ...(theirs.problem ? [theirs.problem] : [])],
    };
    await environment.kept.set(`tuning:${report.precision}`, report);
    return report;
  } finally {
    await loaded.drop();
  }
}

/** What differs from the defaults. */
function chosenOf(kernels: readonly KernelTiming[]): Record<string, string> {
  return Object.fromEntries(kernels.filter(({ chosen, byDefault }) => chosen !== byDefault).map(({ key, chosen }) => [key, chosen]));
}

type Times = Readonly<Record<'textEncoder' | 'autoencoder', number>>;

/** The times of onnxruntime-web; where it can't be measured there is nothing to choose, and a problem to tell. */
async function timeOrt(job: TuningJob): Promise<{ readonly times: Times | null; readonly problem?: string }> {
  const { environment, loaded, manifest, decision, signal, inBackground } = job;
  if (inBackground && !(await environment.isOrtWebGpuStored()))
    return {
      times: null,
      problem: 'onnxruntime-web was not compared: its WebGPU build (17 MB) is not on this device. “Measure again” fetches it.',
    };
  const networks = { textEncoder: 'ort-webgpu', transformer: 'ort-webgpu', autoencoder: 'ort-webgpu' } as const;
  try {
    const { pipeline } = await loaded.get(manifest.id, { ...decision, backend: 'ort-webgpu', networks, choices: {} });
    return { times: await timeNetworks(pipeline, manifest, environment, signal) };
  } catch (thrown) {
    const error = toKinoraError(thrown);
    if (['aborted', 'device-lost'].includes(error.code)) throw error;
    return { times: null, problem: `onnxruntime-web could not be measured: ${describeFailure(error)}` };
  }
}

function describeRefused({ key, refused }: KernelTiming): string[] {
  return refused.length === 0 ? [] : [`${key}: the GPU refused ${refused.join(', ')}.`];
}

/** A failure with what caused it, in one line. */
export function describeFailure(error: KinoraError): string {
  const { cause } = error.toRecord();
  return cause ? `${error.message} (${cause})` : error.message;
}

const PROMPT = 'a red fox runs through snow';
const REPEATS = 3;
/** A network that takes this long is not run again: the difference shows by then. */
const LONG_MS = 1_000;
/** Nor is one whose first run, that compiles, takes this long: a software adapter's. */
const VERY_LONG_MS = 4_000;

/** One step of a clip of the model's own size, so that every graph has been run at the sizes that count. */
async function rehearse(pipeline: Pipeline, manifest: ModelManifest, signal: AbortSignal | undefined): Promise<void> {
  const call = signal ? { signal } : {};
  const context = await pipeline.encodePrompt(PROMPT, call);
  try {
    // A few-step sampler has schedules of its own; the kernels are the same.
    const spec = { ...manifest.defaults, sampler: 'euler' as const, guidance: 1, steps: 1, seed: 1 };
    const latents = await pipeline.denoise({ spec, context, ...call });
    for await (const frame of pipeline.decodeForVideo(latents, call)) if (frame) break;
  } finally {
    context.dispose();
  }
}

/** Milliseconds of a prompt, and of two latent frames: the best of up to three, after a first one that compiles; of that one where it takes very long. */
async function timeNetworks(
  pipeline: Pipeline,
  { defaults }: ModelManifest,
  { now }: Pick<Environment, 'now'>,
  signal: AbortSignal | undefined,
): Promise<Times> {
  const call = signal ? { signal } : {};
  const shape = pipeline.latentShape({ ...defaults, frames: 5 });
  const latents = { data: new Float32Array(shape.reduce((product, size) => product * size, 1)), shape };
  const best = async (work: () => Promise<void>): Promise<number> => {
    const timed = async () => {
      throwIfAborted(signal);
      const started = now();
      await work();
      return now() - started;
    };
    const first = await timed();
    if (first >= VERY_LONG_MS) return first;
    let least = await timed();
    for (let i = 1; i < REPEATS && least < LONG_MS; i++) least = Math.min(least, await timed());
    return least;
  };
  return {
    textEncoder: await best(async () => (await pipeline.encodePrompt(PROMPT, call)).dispose()),
    autoencoder: await best(async () => {
      for await (const frame of pipeline.decodeForVideo(latents, call)) void frame;
    }),
  };
}
