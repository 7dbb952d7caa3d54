import { KinoraError, toKinoraError } from '../errors';
import type { Clip, Kinora, Phase, Preview, Progress, RunOptions } from '../engine/types';
import type { SpecInput } from '../engine/spec';

export type RunState = 'idle' | 'running' | 'stopping' | 'done' | 'stopped' | 'failed';

export interface RunServices {
  readonly kinora: Pick<Kinora, 'generate'>;
  /** Backend, precision and threads as the user wants them. */
  readonly options?: () => RunOptions;
  readonly keepAwake: () => Promise<() => void>;
  /** What this run had to fetch is on the device now. */
  readonly downloaded?: () => void;
}

/** The shares at which a screen reader is told; never at every step. */
const MILESTONES = [0.25, 0.5, 0.75] as const;

/** One clip in the making: its state, progress and preview, how it ended. Starting again replaces it. */
export class Run {
  #state = $state<RunState>('idle');
  #spec = $state.raw<SpecInput | null>(null);
  #progress = $state.raw<Progress | null>(null);
  #preview = $state.raw<Preview | null>(null);
  #steps = $state.raw<{ readonly done: number; readonly total: number } | null>(null);
  #clip = $state.raw<Clip | null>(null);
  #error = $state.raw<KinoraError | null>(null);
  #announcement = $state('');
  #downloads = $state(false);
  #milestonesPassed = 0;
  #abort: AbortController | null = null;
  readonly #services: RunServices;

  /** A clip is being made, or waits to be. */
  readonly isBusy: boolean = $derived(this.#state === 'running' || this.#state === 'stopping');

  constructor(services: RunServices) {
    this.#services = services;
  }

  get state(): RunState {
    return this.#state;
  }

  /** What is (or was last) being made. */
  get spec(): SpecInput | null {
    return this.#spec;
  }

  get progress(): Progress | null {
    return this.#progress;
  }

  get phase(): Phase | null {
    return this.#progress?.phase ?? null;
  }

  /** The newest preview; it stays after a stop, and goes when a clip is there. */
  get preview(): Preview | null {
    return this.#preview;
  }

  /** Denoising steps, kept through the phases after. */
  get steps(): { readonly done: number; readonly total: number } | null {
    return this.#steps;
  }

  /** Whether this run had to download anything. */
  get downloads(): boolean {
    return this.#downloads;
  }

  /** The last clip that was finished; a later run that fails doesn't take it away. */
  get clip(): Clip | null {
    return this.#clip;
  }

  get error(): KinoraError | null {
    return this.#error;
  }

  /** For assistive technology: changes at milestones only. */
  get announcement(): string {
    return this.#announcement;
  }

  /** What the engine says meanwhile (another tab has its turn, say), or null. */
  get note(): string | null {
    return this.#progress?.note ?? null;
  }

  /**
   * Makes a clip; with `resume` it goes on from what the last unfinished run of the same spec left. Resolves when it has ended,
   * in whatever way; never rejects.
   */
  async start(spec: SpecInput, { resume = false } = {}): Promise<void> {
    if (this.isBusy) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.#spec = spec;
    this.#state = 'running';
    this.#error = null;
    this.#progress = null;
    if (!resume) this.#preview = null;
    this.#steps = null;
    this.#downloads = false;
    this.#milestonesPassed = 0;
    this.#announcement = resume ? 'Going on.' : 'Started.';
    const { kinora, keepAwake, options } = this.#services;
    const release = keepAwake();
    try {
      const onProgress = (progress: Progress) => this.#follow(progress);
      this.#clip = await kinora.generate(spec, { ...options?.(), signal: abort.signal, keepLatents: true, resume, onProgress });
      this.#state = 'done';
      this.#preview = null;
      this.#announcement = 'The clip is ready.';
    } catch (thrown) {
      const error = toKinoraError(thrown);
      this.#state = error.code === 'aborted' ? 'stopped' : 'failed';
      this.#error = error.code === 'aborted' ? null : error;
      this.#announcement = error.code === 'aborted' ? 'Stopped.' : '';
    } finally {
      this.#abort = null;
      (await release)();
    }
  }

  /** Asks the run to end; what the preview shows stays. */
  stop(): void {
    if (!this.#abort || this.#state === 'stopping') return;
    this.#state = 'stopping';
    this.#abort.abort();
  }

  /** Puts an unfinished preview away, so that the last clip shows again. */
  clearPreview(): void {
    if (this.isBusy) return;
    this.#preview = null;
    this.#state = this.#clip ? 'done' : 'idle';
  }

  dismissError(): void {
    this.#error = null;
    if (this.#state === 'failed') this.#state = this.#clip ? 'done' : 'idle';
  }

  #follow(progress: Progress): void {
    if (this.#downloads && this.phase === 'download' && progress.phase !== 'download') this.#services.downloaded?.();
    this.#progress = progress;
    if (progress.preview) this.#preview = progress.preview;
    if (progress.phase === 'download' && progress.total > 0) this.#downloads = true;
    if (progress.phase === 'denoise') this.#steps = { done: progress.done, total: progress.total };
    if (progress.note !== undefined) this.#announcement = progress.note;
    const passed = MILESTONES.filter((share) => progress.fraction >= share).length;
    if (passed > this.#milestonesPassed) {
      this.#milestonesPassed = passed;
      this.#announcement = `${MILESTONES[passed - 1]! * 100} percent done.`;
    }
  }
}
