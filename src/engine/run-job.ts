import { throwIfAborted } from '../errors';
import type { DenoiseState, EncodedPrompt, Latents, Pipeline } from '../pipeline/types';
import type { ModelManifest } from '../weights/manifest';
import { modelSizeBytes } from '../weights/manifest';
import { chooseBackend, type BackendDecision } from './choose-backend';
import type { DeviceLosses } from './device-losses';
import { describeRun, noteCodec, noteTruncated } from './describe-run';
import type { Environment } from './environment';
import { withGpuLock } from './gpu-lock';
import type { InterruptedJob } from './interrupted-job';
import { JobMemoryMeter } from './job-memory';
import { planOf, type LoadedModel, type LoadedModelCache } from './loaded-model';
import { ProgressMeter } from './progress-meter';
import { makeRoom, Recovery, withRecovery, type JobPart } from './recovery';
import { describeSuggestions, suggestSmaller } from './suggest-smaller';
import { SpeedBook, workOf } from './speeds';
import type { GenerationSpec } from './spec';
import { findDevice } from './tuning';
import type { Clip, GenerateOptions, Progress } from './types';
import { writeVideo } from './write-video';

/** What a job says while it waits for the one of another tab. */
export const ANOTHER_TAB = 'Another tab is making a clip; this one starts when that is done.';

/** One job: a checked spec, and how to run it. */
export interface Job {
  readonly spec: GenerationSpec;
  readonly manifest: ModelManifest;
  readonly options: GenerateOptions;
  /** Goes on from here. */
  readonly start: DenoiseState | null;
}

export interface JobContext {
  readonly environment: Environment;
  readonly loaded: LoadedModelCache;
  readonly losses: DeviceLosses;
  /** Called when the job starts to denoise and after each step, so that nothing finished is lost. */
  readonly onState: (job: InterruptedJob) => void;
  /** Why the job could not be kept for a reload, or null. */
  readonly keepingProblem: () => string | null;
}

interface Sampled {
  readonly latents: Latents;
  readonly prompt: Pick<EncodedPrompt, 'tokens' | 'truncated'>;
}

interface Prompts {
  readonly context: EncodedPrompt;
  readonly uncond?: EncodedPrompt;
}

/** Makes a clip. Rejects with a `KinoraError`; the states given to `onState` are then what is left. */
export async function runJob(job: Job, context: JobContext): Promise<Clip> {
  const { environment } = context;
  const { spec, manifest, options } = job;
  const { signal } = options;
  throwIfAborted(signal);
  // Said before anything is downloaded: a backend that is not there, a plan that can't be met.
  const decision = chooseBackend(options, context.losses.apply(await findDevice(environment)));
  const way = `${manifest.id}/${decision.backend}/${decision.precision}`;
  const stored = (await environment.models.list()).find(({ id }) => id === manifest.id);
  const bytes = modelSizeBytes(manifest);
  const work = workOf(spec, {
    download: stored?.complete ? 0 : bytes - (stored?.storedBytes ?? 0),
    load: context.loaded.isReady(manifest.id, decision) ? 0 : weightBytes(manifest),
  });
  const speeds = new SpeedBook(environment.kept);
  const { expected, isMeasured } = await speeds.expect(way, work);
  const meter = new ProgressMeter(expected, { isMeasured, emit: (progress) => options.onProgress?.(progress), now: environment.now });

  await download(manifest, signal, environment, meter);
  return withGpuLock(environment.locks, { signal, onWait: () => meter.start('load', 0, { note: ANOTHER_TAB }) }, () =>
    new JobRun(job, context, decision, meter, speeds, way, work).run(),
  );
}

/** What loading a model reads. */
function weightBytes(manifest: ModelManifest): number {
  return manifest.files.reduce((sum, { role, sizeBytes }) => sum + (role === 'tokenizer' || role === 'vocabulary' ? 0 : sizeBytes), 0);
}

/** Fetches what is missing of a model, with progress. */
export async function download(
  manifest: ModelManifest,
  signal: AbortSignal | undefined,
  environment: Environment,
  meter: ProgressMeter,
): Promise<void> {
  let hasStarted = false;
  await environment.models.ensure(manifest.id, {
    ...(signal ? { signal } : {}),
    onProgress: (done, total, note) => {
      const said = note === undefined ? {} : { note };
      if (hasStarted) meter.advance(done, said);
      else meter.start('download', total, { from: done, ...said });
      hasStarted = true;
    },
  });
  if (hasStarted) meter.end();
}

/** The part of a job that needs the device to itself. */
class JobRun {
  readonly #job: Job;
  readonly #context: JobContext;
  #decision: BackendDecision;
  #model: LoadedModel | null = null;
  readonly #meter: ProgressMeter;
  readonly #speeds: SpeedBook;
  readonly #way: string;
  readonly #work: ReturnType<typeof workOf>;
  readonly #notes: string[];
  readonly #stepSeconds: number[] = [];
  readonly #recovery: Recovery;
  readonly #memory = new JobMemoryMeter();
  #decoderReach = 0;
  #state: DenoiseState | null;

  constructor(
    job: Job,
    context: JobContext,
    decision: BackendDecision,
    meter: ProgressMeter,
    speeds: SpeedBook,
    way: string,
    work: ReturnType<typeof workOf>,
  ) {
    this.#job = job;
    this.#context = context;
    this.#decision = decision;
    this.#meter = meter;
    this.#speeds = speeds;
    this.#way = way;
    this.#work = work;
    this.#notes = [...decision.notes, ...context.environment.notes()];
    this.#state = job.start;
    this.#recovery = new Recovery(context.losses);
  }

  async run(): Promise<Clip> {
    const { spec, manifest, options } = this.#job;
    this.#context.onState({ spec, state: this.#state });
    if (this.#state) this.#notes.push(`Went on after step ${this.#state.step} of an interrupted run.`);
    const { latents, prompt } = await this.#withRecovery('latents', () => this.#toLatents());
    const { video, frames, model } = await this.#withRecovery('video', () => this.#toVideo(latents), latents);
    const { seconds } = this.#meter;
    const problem = this.#context.keepingProblem();
    const notes = [
      ...this.#notes,
      ...this.#recovery.report,
      ...noteCodec(video),
      ...(problem ? [`The run could not be kept for a reload of the page: ${problem}.`] : []),
    ];
    const plan = planOf(model, this.#decision);
    const report = await describeRun({
      spec,
      plan,
      manifest,
      prompt,
      seconds,
      stepSeconds: this.#stepSeconds,
      latents,
      video,
      scale: options.exportScale ?? 1,
      memory: this.#memory.report,
      notes,
    });
    if (!this.#job.start) await this.#learn(seconds);
    return {
      blob: video.blob,
      report,
      ...(options.keepLatents ? { latents: latents.data } : {}),
      ...(options.keepFrames ? { frames } : {}),
    };
  }

  async #toLatents(): Promise<Sampled> {
    const model = await this.#load();
    const prompts = await this.#encodePrompts(model.pipeline);
    try {
      const { tokens, truncated } = prompts.context;
      await makeRoom(this.#recovery, model.pipeline, 'transformer');
      return { latents: await this.#denoise(model.pipeline, prompts), prompt: { tokens, truncated } };
    } finally {
      prompts.context.dispose();
      prompts.uncond?.dispose();
    }
  }

  async #toVideo(latents: Latents) {
    const { spec, options } = this.#job;
    const { environment, loaded } = this.#context;
    // The model that made the latents, or the one that is set up in its place.
    const model = loaded.isReady(this.#job.manifest.id, this.#decision)
      ? await loaded.get(this.#job.manifest.id, this.#decision)
      : await this.#load();
    await makeRoom(this.#recovery, model.pipeline, 'autoencoder');
    const written = await writeVideo(environment, model.pipeline, this.#meter, {
      spec,
      latents,
      scale: options.exportScale ?? 1,
      keepFrames: options.keepFrames === true,
      tile: this.#recovery.tile,
      signal: options.signal,
    });
    return { ...written, model };
  }

  async #load(): Promise<LoadedModel> {
    const { manifest, options } = this.#job;
    const bytes = this.#work.load;
    const note = this.#recovery.notes.at(-1);
    this.#meter.start('load', bytes, note === undefined ? {} : { note });
    const loaded = await this.#context.loaded.get(manifest.id, this.#decision);
    this.#model = loaded;
    const planned = this.#memory.begin(loaded, this.#job.spec, this.#recovery.tile);
    const memory = planned ? { plannedMemoryBytes: this.#recovery.isFrugal ? planned.leastBytes : planned.peakBytes } : {};
    this.#meter.advance(0, memory);
    this.#decoderReach = loaded.pipeline.decoderReach;
    // Where memory is short, each network compiles when its turn comes.
    if (!this.#recovery.isFrugal)
      await this.#context.loaded.compile(loaded, options.signal, (done, total) =>
        this.#meter.advance(total > 0 ? (bytes * done) / total : 0, memory),
      );
    this.#meter.end();
    return loaded;
  }

  async #encodePrompts(pipeline: Pipeline): Promise<Prompts> {
    const { spec, manifest, options } = this.#job;
    const call = options.signal ? { signal: options.signal } : {};
    const isGuided = spec.guidance !== 1;
    this.#meter.start('encode-prompt', isGuided ? 2 : 1);
    const context = await pipeline.encodePrompt(spec.prompt, call);
    this.#meter.advance(1);
    this.#noteOnce(noteTruncated(context, 'prompt', manifest));
    if (!isGuided) {
      this.#meter.end();
      return { context };
    }
    try {
      const uncond = await pipeline.encodePrompt(spec.negativePrompt, call);
      this.#noteOnce(noteTruncated(uncond, 'negative prompt', manifest));
      this.#meter.advance(2);
      this.#meter.end();
      return { context, uncond };
    } catch (error) {
      context.dispose();
      throw error;
    }
  }

  async #denoise(pipeline: Pipeline, prompts: Prompts): Promise<Latents> {
    const { spec, options } = this.#job;
    this.#meter.start('denoise', spec.steps, { from: this.#state?.step ?? 0 });
    const latents = await pipeline.denoise({
      spec,
      ...prompts,
      ...(this.#state ? { start: this.#state } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
      onStep: ({ step, seconds, preview, state }) => {
        this.#state = state;
        this.#stepSeconds.push(seconds);
        this.#context.onState({ spec, state });
        this.#meter.advance(step, { preview });
      },
    });
    this.#meter.end();
    return latents;
  }

  /** A part of the job, tried again in another way when its device or its memory fails. */
  async #withRecovery<T>(part: JobPart, work: () => Promise<T>, latents: Latents | null = null): Promise<T> {
    return withRecovery(this.#recovery, this.#context.loaded, part, work, {
      failed: () => ({ latents, decoderReach: this.#decoderReach, suggest: () => this.#suggest() }),
      dropped: () => this.#chooseAgain(),
    });
  }

  /** The model has been dropped; the graphics device is too where it has been lost too often. */
  async #chooseAgain(): Promise<void> {
    const { environment, losses } = this.#context;
    this.#model = null;
    const { options } = this.#job;
    if (options.plan || (options.backend ?? 'auto') !== 'auto' || this.#decision.backend === 'ort-wasm') return;
    const facts = losses.apply(await findDevice(environment));
    if (!facts.left) return;
    this.#decision = chooseBackend(options, facts);
    this.#noteOnce(this.#decision.notes);
  }

  /** What of this clip would fit, in words. */
  #suggest(): string | null {
    if (!this.#model) return null;
    const { spec, manifest } = this.#job;
    const fitting = describeSuggestions(suggestSmaller(this.#model.pipeline, manifest, spec, this.#memory.peakBytes), spec);
    return fitting && `${fitting} Or choose a smaller model, or close other tabs; finished steps are kept.`;
  }

  #noteOnce(notes: readonly string[]): void {
    for (const note of notes) if (!this.#notes.includes(note)) this.#notes.push(note);
  }

  /** Speeds only shape the next estimate; where they can't be written the clip must not be lost. */
  async #learn(seconds: Clip['report']['seconds']): Promise<void> {
    await this.#speeds.learn(this.#way, this.#work, seconds).catch(() => undefined);
  }
}

/** A meter for a download alone. */
export function downloadMeter(environment: Environment, onProgress: ((progress: Progress) => void) | undefined): ProgressMeter {
  return new ProgressMeter({ download: 1 }, { isMeasured: false, emit: (progress) => onProgress?.(progress), now: environment.now });
}
