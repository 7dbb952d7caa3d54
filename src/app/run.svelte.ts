import { KinoraError, toKinoraError } from '../errors';
import type { Clip, Kinora, Phase, Preview, Progress } from '../engine/types';
import type { SpecInput } from '../engine/spec';
import type { RunMarks } from './run-mark';
import type { TakeTurn } from './take-turn';

export type RunState = 'idle' | 'waiting' | 'running' | 'stopping' | 'done' | 'stopped' | 'failed';

export interface RunServices {
  readonly kinora: Pick<Kinora, 'generate'>;
  readonly takeTurn: TakeTurn;
  readonly marks: RunMarks;
  readonly keepAwake: () => Promise<() => void>;
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
  readonly isBusy: boolean = $derived(this.#state === 'waiting' || this.#state === 'running' || this.#state === 'stopping');

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

  /** Makes a clip. Resolves when it has ended, in whatever way; never rejects. */
  async start(spec: SpecInput): Promise<void> {
    if (this.isBusy) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.#spec = spec;
    this.#state = 'running';
    this.#error = null;
    this.#progress = null;
    this.#preview = null;
    this.#steps = null;
    this.#downloads = false;
    this.#milestonesPassed = 0;
    this.#announcement = 'Started.';
    try {
      this.#clip = await this.#services.takeTurn(() => this.#generate(spec, abort.signal), {
        signal: abort.signal,
        onWait: () => this.#waitForOtherTab(),
      });
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

  async #generate(spec: SpecInput, signal: AbortSignal): Promise<Clip> {
    if (this.#state === 'waiting') {
      this.#state = 'running';
      this.#announcement = 'Started.';
    }
    const { kinora, marks, keepAwake } = this.#services;
    marks.write({ spec, step: 0, steps: spec.steps ?? 0 });
    const release = await keepAwake();
    try {
      return await kinora.generate(spec, { signal, keepLatents: true, onProgress: (progress) => this.#follow(spec, progress) });
    } finally {
      release();
      marks.clear();
    }
  }

  #follow(spec: SpecInput, progress: Progress): void {
    this.#progress = progress;
    if (progress.preview) this.#preview = progress.preview;
    if (progress.phase === 'download' && progress.total > 0) this.#downloads = true;
    if (progress.phase === 'denoise' && progress.done !== this.#steps?.done) {
      this.#steps = { done: progress.done, total: progress.total };
      this.#services.marks.write({ spec, step: progress.done, steps: progress.total });
    }
    const passed = MILESTONES.filter((share) => progress.fraction >= share).length;
    if (passed > this.#milestonesPassed) {
      this.#milestonesPassed = passed;
      this.#announcement = `${MILESTONES[passed - 1]! * 100} percent done.`;
    }
  }

  #waitForOtherTab(): void {
    if (this.#state !== 'running') return;
    this.#state = 'waiting';
    this.#announcement = 'Waiting: another tab is making a clip.';
  }
}
