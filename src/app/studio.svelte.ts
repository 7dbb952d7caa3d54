import { toKinoraError, type KinoraError } from '../errors';
import type { Clip, Kinora } from '../engine/types';
import { Composer } from './composer.svelte';
import { Device } from './device.svelte';
import { Estimates } from './estimates.svelte';
import { ClipExport, saveFile } from './export.svelte';
import { PHASE_NAMES } from './phase-names';
import { Run } from './run.svelte';
import { RunMarks, type RunMark } from './run-mark';
import type { KeyValueStore } from './stored-json';
import { takeTurnsWith, whenNobodyRuns } from './take-turn';

export const DEFAULT_MODEL = 'storybook';

export interface StudioServices {
  readonly kinora: Kinora;
  readonly store: KeyValueStore | null;
  /** Undefined outside secure contexts; then tabs don't wait for each other. */
  readonly locks: LockManager | undefined;
  readonly keepAwake: () => Promise<() => void>;
  readonly save?: (blob: Blob, name: string) => void;
}

/** The whole page's state: what is composed, what runs, what was made, on what device. */
export class Studio {
  readonly composer: Composer;
  readonly device: Device;
  readonly run: Run;
  readonly estimates: Estimates;
  #interrupted = $state.raw<RunMark | null>(null);
  #modelError = $state.raw<KinoraError | null>(null);
  #export = $state.raw<ClipExport | null>(null);
  readonly #marks: RunMarks;
  readonly #services: StudioServices;

  /** The tab's title: progress first, as tabs are narrow. */
  readonly title: string = $derived.by(() => describeTitle(this.run));

  constructor(services: StudioServices) {
    const { kinora, store, locks, keepAwake } = services;
    this.#services = services;
    this.#marks = new RunMarks(store);
    this.composer = new Composer(store ? { store } : {});
    this.device = new Device(kinora);
    this.estimates = new Estimates(store);
    this.run = new Run({ kinora, takeTurn: takeTurnsWith(locks), marks: this.#marks, keepAwake });
  }

  /** A run that a reload or crash cut off, until it is started again or dismissed. */
  get interrupted(): RunMark | null {
    return this.#interrupted;
  }

  /** Why the model can't say what it is (first visit without a network, say). */
  get modelError(): KinoraError | null {
    return this.#modelError;
  }

  /** The last clip, with its ways out. */
  get export(): ClipExport | null {
    return this.#export;
  }

  /** Seconds the composed clip will take here, or null where nothing like it was measured. */
  get estimateSeconds(): number | null {
    const { composer } = this;
    if (!composer.description) return null;
    const { width, height, frames, steps, guidance } = composer;
    return this.estimates.secondsFor({ model: composer.description.manifest.id, width, height, frames, steps: steps ?? 0, guidance: guidance ?? 1 });
  }

  /** Asks device and model; looks for an interrupted run. Never rejects. */
  async open(): Promise<void> {
    void this.#findInterrupted(); // waits for other tabs; the page doesn't
    await Promise.all([this.device.refresh(), this.loadModel()]);
  }

  async loadModel(): Promise<void> {
    try {
      this.composer.useModel(await this.#services.kinora.describe(DEFAULT_MODEL));
      this.#modelError = null;
    } catch (thrown) {
      this.#modelError = toKinoraError(thrown);
    }
  }

  /** Runs what is composed; where something is wrong, the fields say so and nothing starts. */
  async generate(): Promise<void> {
    if (this.run.isBusy) return;
    const spec = this.composer.takeSpec();
    if (!spec) return;
    this.#interrupted = null;
    await this.run.start(spec);
    if (this.run.state === 'done' && this.run.clip) this.#show(this.run.clip);
    await this.device.refresh();
  }

  /** Starts the interrupted run once more, with its own seed. */
  async resumeInterrupted(): Promise<void> {
    const mark = this.#interrupted;
    if (!mark) return;
    this.composer.restore(mark.spec);
    await this.generate();
  }

  dismissInterrupted(): void {
    this.#interrupted = null;
    this.#marks.clear();
  }

  #show(clip: Clip): void {
    this.#export = new ClipExport(clip, this.#services.kinora, this.#services.save ?? saveFile);
    this.estimates.learn(clip.report);
  }

  async #findInterrupted(): Promise<void> {
    const { locks } = this.#services;
    if (locks) await whenNobodyRuns(locks);
    if (!this.run.isBusy) this.#interrupted = this.#marks.read();
  }
}

function describeTitle(run: Run): string {
  if (run.state === 'waiting') return 'Waiting · Kinora';
  if (run.isBusy) {
    const percent = Math.floor((run.progress?.fraction ?? 0) * 100);
    return run.phase ? `${percent}% ${PHASE_NAMES[run.phase]} · Kinora` : 'Starting · Kinora';
  }
  if (run.state === 'done') return 'Clip ready · Kinora';
  if (run.state === 'failed') return 'Failed · Kinora';
  return 'Kinora · text to video on your own device';
}
