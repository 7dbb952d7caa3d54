import { KinoraError, throwIfAborted, toKinoraError } from '../errors';
import type { Latents } from '../pipeline/types';
import { chooseBackend } from './choose-backend';
import { DeviceLosses } from './device-losses';
import { describeClip, describeEncoder, noteCodec } from './describe-run';
import type { Environment } from './environment';
import { isGpuLocked, untilGpuIsFree, withGpuLock } from './gpu-lock';
import { InterruptedJobKeeper, readInterruptedJob, type InterruptedJob } from './interrupted-job';
import { JobQueue } from './job-queue';
import { LoadedModelCache, type LoadedModel } from './loaded-model';
import { makeRoom, Recovery, withRecovery } from './recovery';
import { ProgressMeter } from './progress-meter';
import { parsePlan } from './report';
import { ANOTHER_TAB, download, downloadMeter, runJob, type Job } from './run-job';
import { completeSpec, requestedModel, type GenerationSpec, type SpecInput } from './spec';
import { describeFailure, findDevice, tuneDevice, type FoundDevice } from './tuning';
import type {
  Capabilities,
  Clip,
  ExecutionPlan,
  GenerateOptions,
  Kinora,
  ModelDescription,
  ModelStatus,
  PartialResult,
  RunOptions,
  TuneCallOptions,
  TuningReport,
} from './types';
import { writeVideo } from './write-video';

type DownloadOptions = NonNullable<Parameters<Kinora['download']>[1]>;
type ExportOptions = Parameters<Kinora['exportClip']>[1];

/** What `exportClip` needs of a clip. */
export type ExportSource = Pick<Clip, 'report' | 'latents'>;

/**
 * The engine itself: one job at a time, from spec to clip. It runs in the worker behind `createKinora`, or, in tests, wherever
 * its environment runs.
 */
export class KinoraEngine implements Kinora {
  readonly #environment: Environment;
  readonly #queue = new JobQueue();
  readonly #loaded: LoadedModelCache;
  readonly #losses = new DeviceLosses();
  #running: GenerationSpec | null = null;
  /** Stops the measuring that the engine began by itself. */
  #tuning: AbortController | null = null;
  /** Why that came to nothing; it is not begun again then. */
  #tuningProblem: string | null = null;
  /** What the last stopped or failed job of this engine left; undefined until there was one. */
  #interrupted: InterruptedJob | null | undefined = undefined;
  #isDisposed = false;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#loaded = new LoadedModelCache(environment);
  }

  async capabilities(): Promise<Capabilities> {
    return this.#guard(async () => {
      const facts = await this.#device();
      const { backend, networks, reason, threads } = chooseBackend({}, facts);
      return {
        crossOriginIsolated: facts.crossOriginIsolated,
        threads,
        webgpu: facts.webgpu,
        backend: { chosen: backend, networks, reason },
        tuning: facts.reports,
        tuningProblem: this.#tuningProblem,
        video: await this.#environment.videoSupport(),
        storage: await this.#environment.storage(),
      };
    });
  }

  models(): Promise<readonly ModelStatus[]> {
    return this.#guard(() => this.#environment.models.list());
  }

  describe(modelId: string): Promise<ModelDescription> {
    return this.#guard(() => this.#environment.models.describe(modelId));
  }

  download(modelId: string, { signal, onProgress }: DownloadOptions = {}): Promise<void> {
    return this.#guard(async () => {
      throwIfAborted(signal);
      const { manifest } = await this.#environment.models.describe(modelId);
      await download(manifest, signal, this.#environment, downloadMeter(this.#environment, onProgress));
    });
  }

  verify(modelId: string, { signal, onProgress }: DownloadOptions = {}): Promise<number> {
    return this.#guard(async () => {
      const meter = downloadMeter(this.#environment, onProgress);
      let hasStarted = false;
      const damaged = await this.#environment.models.verify(modelId, {
        ...(signal ? { signal } : {}),
        onProgress: (done, total) => {
          if (!hasStarted) meter.start('download', total);
          hasStarted = true;
          meter.advance(done);
        },
      });
      if (damaged > 0 && this.#loaded.modelId === modelId) await this.#queue.add(() => this.#loaded.drop());
      return damaged;
    });
  }

  remove(modelId: string): Promise<number> {
    return this.#guard(async () => {
      if (this.#running?.model === modelId)
        throw new KinoraError('busy', 'The model is making a clip right now.', 'Stop the clip, or wait for it, then remove the model.');
      if (this.#loaded.modelId === modelId) await this.#queue.add(() => this.#loaded.drop());
      return this.#environment.models.remove(modelId);
    });
  }

  prepare(modelId: string, options: RunOptions = {}): Promise<boolean> {
    return this.#guard(async () => {
      const { models } = this.#environment;
      const { manifest } = await models.describe(modelId);
      const checked = options.plan ? { ...options, plan: parsePlan(options.plan) } : options;
      const decision = chooseBackend(checked, await this.#device());
      return this.#queue.add(async () => {
        const stored = (await models.list()).find(({ id }) => id === manifest.id);
        if (!stored?.complete) return false;
        const recovery = new Recovery(this.#losses);
        return withRecovery(recovery, this.#loaded, 'latents', async () => {
          // Where all networks do not fit at once, a job takes one at a time, and says so: nothing of it can be ready early.
          if (recovery.isFrugal) return false;
          const loaded = await this.#loaded.get(manifest.id, decision);
          await this.#loaded.compile(loaded, undefined, () => undefined);
          return true;
        });
      });
    });
  }

  generate(input: SpecInput, options: GenerateOptions = {}): Promise<Clip> {
    return this.#guard(() => {
      this.#tuning?.abort();
      // Checked at once, so that a mistake does not have to wait for its turn.
      const prepared = this.#prepare(input, options);
      return this.#queue.add(async () => this.#run(await prepared), { signal: options.signal, invalid: prepared });
    });
  }

  exportClip(clip: ExportSource, options: ExportOptions): Promise<Clip> {
    return this.#guard(() => {
      const { latents, report } = clip;
      if (!latents)
        throw new KinoraError(
          'invalid-spec',
          'This clip can’t be exported again: its latents were not kept.',
          'Make it with keepLatents, then export it.',
        );
      return this.#queue.add(() => this.#export(report, { data: latents, shape: shapeOf(report.latentsShape, latents) }, options), {
        signal: options.signal,
      });
    });
  }

  partial(): Promise<PartialResult | null> {
    return this.#guard(async () => {
      const job = await this.#lastInterrupted();
      if (!job?.state) return null;
      const { step, latents } = job.state;
      return { spec: job.spec, stepsDone: step, latents: latents.data.slice(), shape: latents.shape };
    });
  }

  interruptedSpec(): Promise<GenerationSpec | null> {
    return this.#guard(async () => {
      if (this.#interrupted === undefined && !this.#running) await untilGpuIsFree(this.#environment.locks, RELOADED_PAGE_MS);
      return (await this.#lastInterrupted())?.spec ?? null;
    });
  }

  embed(text: string): Promise<Float32Array> {
    return this.#guard(() =>
      this.#queue.add(async () => {
        const { manifest } = await this.#environment.models.describe(this.#environment.defaultModel);
        await download(manifest, undefined, this.#environment, downloadMeter(this.#environment, undefined));
        return withRecovery(new Recovery(this.#losses), this.#loaded, 'text', async () => {
          const decision = chooseBackend({}, await this.#device());
          const { pipeline } = await this.#loaded.get(manifest.id, decision);
          return pipeline.embed(text);
        });
      }),
    );
  }

  tune(options: TuneCallOptions = {}): Promise<TuningReport> {
    return this.#tune(options, false).then((report) => {
      this.#tuningProblem = null;
      return report;
    });
  }

  #tune({ precision, signal, onProgress }: TuneCallOptions, inBackground: boolean): Promise<TuningReport> {
    return this.#guard(() =>
      this.#queue.add(
        async () => {
          const environment = this.#environment;
          const facts = await findDevice(environment);
          const decision = chooseBackend({ backend: 'wgsl', ...(precision ? { precision } : {}) }, { ...facts, tuned: {} });
          const { manifest } = await environment.models.describe(environment.defaultModel);
          if (!inBackground) await download(manifest, signal, environment, downloadMeter(environment, undefined));
          return withGpuLock(environment.locks, { signal }, () =>
            tuneDevice({ environment, loaded: this.#loaded, facts, manifest, decision, inBackground, signal, onProgress }),
          );
        },
        { signal },
      ),
    );
  }

  /**
   * After the first clip that `auto` made on a hardware adapter: measures it once, as long as nobody asks for anything, and fetches nothing for
   * it. What goes wrong is told by `capabilities` and not tried again; the defaults go on.
   */
  async #tuneOnce({ requested, transformer }: ExecutionPlan): Promise<void> {
    const { precision } = requested;
    if (requested.backend !== 'auto' || transformer.backend !== 'wgsl' || this.#queue.length > 0) return;
    try {
      const facts = await findDevice(this.#environment);
      if (facts.tuned[precision] || this.#tuningProblem !== null || this.#isDisposed) return;
      const { defaultModel, models } = this.#environment;
      // It is measured with the default model alone; the next clip of that one begins it.
      if (!(await models.list()).find(({ id }) => id === defaultModel)?.complete) return;
      const stop = new AbortController();
      this.#tuning = stop;
      await this.#tune({ precision, signal: stop.signal }, true);
    } catch (thrown) {
      const error = toKinoraError(thrown);
      if (error.code === 'device-lost') this.#losses.count();
      if (error.code !== 'aborted') this.#tuningProblem = `${new Date().toISOString()}, ${precision}: ${describeFailure(error)}`;
    }
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#tuning?.abort();
    await this.#queue.add(() => this.#loaded.drop());
    this.#isDisposed = true;
  }

  async #prepare(input: SpecInput, options: GenerateOptions): Promise<Job> {
    const modelId = requestedModel(input) ?? this.#environment.defaultModel;
    const scale = options.exportScale ?? 1;
    if (![1, 2, 4].includes(scale))
      throw new KinoraError(
        'invalid-spec',
        `The export scale must be 1, 2 or 4, not ${scale}.`,
        'Leave it out to export the clip as it is.',
      );
    const checked = options.plan ? { ...options, plan: parsePlan(options.plan) } : options;
    const { manifest } = await this.#environment.models.describe(modelId);
    return { spec: completeSpec(input, manifest), manifest, options: checked, start: null };
  }

  async #run(job: Job): Promise<Clip> {
    const environment = this.#environment;
    const before = job.options.resume ? await this.#lastInterrupted() : null;
    const start = before && isSameSpec(before.spec, job.spec) ? before.state : null;
    const keeper = new InterruptedJobKeeper(environment.kept, environment.now);
    this.#running = job.spec;
    let last: InterruptedJob | null = null;
    try {
      const clip = await runJob(
        { ...job, start },
        {
          environment,
          loaded: this.#loaded,
          losses: this.#losses,
          onState: (state) => {
            // The start of a job is written too: a reload in the first step still finds the spec.
            keeper.note(state, last === null);
            last = state;
          },
          keepingProblem: () => keeper.problem,
        },
      );
      this.#interrupted = null;
      await keeper.clear();
      const { plan } = clip.report;
      setTimeout(() => void this.#tuneOnce(plan));
      return clip;
    } catch (error) {
      // A job that never got to run leaves what an earlier one left.
      if (last) {
        this.#interrupted = last;
        await keeper.flush();
      }
      throw error;
    } finally {
      this.#running = null;
    }
  }

  async #export(before: Clip['report'], latents: Latents, options: ExportOptions): Promise<Clip> {
    const environment = this.#environment;
    const { spec } = before;
    const { signal, onProgress, exportScale: scale, keepFrames = false } = options;
    const { manifest } = await environment.models.describe(spec.model);
    chooseBackend(options, await this.#device()); // says first what can't be met
    const meter = new ProgressMeter(
      { decode: 0.8, 'encode-video': 0.2 },
      { isMeasured: false, emit: (progress) => onProgress?.(progress), now: environment.now },
    );
    await download(manifest, signal, environment, meter);
    return withGpuLock(environment.locks, { signal, onWait: () => meter.start('load', 0, { note: ANOTHER_TAB }) }, async () => {
      const recovery = new Recovery(this.#losses);
      let open: LoadedModel | null = null;
      const { video, frames } = await withRecovery(
        recovery,
        this.#loaded,
        'video',
        async () => {
          open = await this.#loaded.get(manifest.id, chooseBackend(options, await this.#device()));
          await makeRoom(recovery, open.pipeline, 'autoencoder');
          const { tile } = recovery;
          return writeVideo(environment, open.pipeline, meter, { spec, latents, scale, keepFrames, tile, signal });
        },
        { failed: () => ({ latents, decoderReach: open?.pipeline.decoderReach ?? 0, suggest: () => CLIP_IS_KEPT }) },
      );
      const seconds = { ...before.seconds, ...meter.seconds };
      const report = {
        ...before,
        seconds,
        encoder: describeEncoder(video, scale),
        clip: describeClip(video),
        notes: [...before.notes, ...recovery.report, ...noteCodec(video)],
      };
      return { blob: video.blob, report, latents: latents.data, ...(keepFrames ? { frames } : {}) };
    });
  }

  /** What is known of the device, with what this engine has seen of it. */
  async #device(): Promise<FoundDevice> {
    return this.#losses.apply(await findDevice(this.#environment));
  }

  /** What the last job left: of this engine, else of a page before it, unless that page still runs (in another tab). */
  async #lastInterrupted(): Promise<InterruptedJob | null> {
    if (this.#interrupted !== undefined) return this.#interrupted;
    if (this.#running || (await isGpuLocked(this.#environment.locks))) return null;
    const kept = await readInterruptedJob(this.#environment.kept);
    // A job may have ended while the store was read.
    return this.#interrupted === undefined ? kept : this.#interrupted;
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      if (this.#isDisposed) throw new KinoraError('internal', 'This engine was shut down.', 'Create a new one.');
      return await work();
    } catch (error) {
      throw toKinoraError(error);
    }
  }
}

/** How long a page that is gone may still hold the lock: a step at the largest sizes. Another tab that runs on holds it longer. */
const RELOADED_PAGE_MS = 8_000;
/** What to do where a finished clip does not fit into memory once more. */
const CLIP_IS_KEPT = 'Close other tabs, or choose the CPU (backend “ort-wasm”), and export again; the clip itself is kept.';

function isSameSpec(a: GenerationSpec, b: GenerationSpec): boolean {
  const keys = Object.keys(a) as (keyof GenerationSpec)[];
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

function shapeOf(shape: readonly number[], latents: Float32Array): Latents['shape'] {
  const [channels, frames, height, width] = shape;
  if (shape.length !== 4 || !channels || !frames || !height || !width || channels * frames * height * width !== latents.length)
    throw new KinoraError('invalid-spec', 'The clip’s latents do not fit its report.', 'Make the clip again with keepLatents.');
  return [channels, frames, height, width];
}
