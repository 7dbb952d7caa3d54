import { toKinoraError, type KinoraError } from '../errors';
import type { GenerationSpec, SpecInput } from '../engine/spec';
import type { Clip, Kinora } from '../engine/types';
import { Composer } from './composer.svelte';
import { Device } from './device.svelte';
import { Estimates } from './estimates.svelte';
import { ClipExport, saveFile } from './export.svelte';
import { PHASE_NAMES } from './phase-names';
import { Run } from './run.svelte';
import { readJson, writeJson, type KeyValueStore } from './stored-json';

export const DEFAULT_MODEL = 'storybook';

export interface StudioServices {
  readonly kinora: Kinora;
  readonly store: KeyValueStore | null;
  readonly keepAwake: () => Promise<() => void>;
  /** Resolves once nothing stands in the way of calling the engine: see `registerServiceWorker`. */
  readonly ready?: Promise<void>;
  readonly save?: (blob: Blob, name: string) => void;
}

/** A run that did not finish before the page went away. */
export interface Unfinished {
  readonly spec: GenerationSpec;
  readonly stepsDone: number;
}

const DISMISSED_KEY = 'kinora.dismissed';

/** The whole page's state: what is composed, what runs, what was made, on what device. */
export class Studio {
  readonly composer: Composer;
  readonly device: Device;
  readonly run: Run;
  readonly estimates: Estimates;
  #unfinished = $state.raw<Unfinished | null>(null);
  #modelError = $state.raw<KinoraError | null>(null);
  #export = $state.raw<ClipExport | null>(null);
  readonly #services: StudioServices;

  /** The tab's title: progress first, as tabs are narrow. */
  readonly title: string = $derived.by(() => describeTitle(this.run));

  constructor(services: StudioServices) {
    const { kinora, store, keepAwake } = services;
    this.#services = services;
    this.composer = new Composer(store ? { store } : {});
    this.device = new Device(kinora);
    this.estimates = new Estimates(store);
    this.run = new Run({ kinora, keepAwake });
  }

  /** A run of an earlier page (before a reload or a crash), until it is taken up again or dismissed. */
  get unfinished(): Unfinished | null {
    return this.#unfinished;
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
    return this.estimates.secondsFor({
      model: composer.description.manifest.id,
      width,
      height,
      frames,
      steps: steps ?? 0,
      guidance: guidance ?? 1,
    });
  }

  /** Asks device and model; looks for an unfinished run. Never rejects. */
  async open(): Promise<void> {
    await this.#services.ready;
    await Promise.all([this.device.refresh(), this.loadModel(), this.#findUnfinished()]);
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
    await this.#make(spec, false);
  }

  /** Goes on with the run that was stopped or failed in this page. */
  async goOn(): Promise<void> {
    if (this.run.spec) await this.#make(this.run.spec, true);
  }

  /** Goes on with the run that an earlier page left; its prompt and settings come back with it. */
  async takeUpUnfinished(): Promise<void> {
    const left = this.#unfinished;
    if (!left) return;
    this.composer.restore(left.spec, { keepSeed: false });
    await this.#make(left.spec, true);
  }

  /** Hides the unfinished run; it is not offered again. */
  dismissUnfinished(): void {
    if (this.#unfinished) writeJson(this.#services.store, DISMISSED_KEY, this.#unfinished.spec);
    this.#unfinished = null;
  }

  async #make(spec: SpecInput, resume: boolean): Promise<void> {
    if (this.run.isBusy) return;
    this.#unfinished = null;
    await this.run.start(spec, { resume });
    if (this.run.state === 'done' && this.run.clip) this.#show(this.run.clip);
    await this.device.refresh();
  }

  #show(clip: Clip): void {
    this.#export = new ClipExport(clip, this.#services.kinora, this.#services.save ?? saveFile);
    this.estimates.learn(clip.report);
  }

  /** Nothing to offer is no failure: what can't be read counts as none. */
  async #findUnfinished(): Promise<void> {
    const { kinora, store } = this.#services;
    try {
      const spec = await kinora.interruptedSpec();
      if (!spec || this.run.isBusy || JSON.stringify(spec) === JSON.stringify(readJson(store, DISMISSED_KEY))) return;
      const partial = await kinora.partial();
      this.#unfinished = { spec, stepsDone: partial?.stepsDone ?? 0 };
    } catch (thrown) {
      console.warn('The last unfinished run could not be read.', thrown);
    }
  }
}

function describeTitle(run: Run): string {
  if (run.isBusy) {
    if (run.note) return 'Waiting · Kinora';
    const percent = Math.floor((run.progress?.fraction ?? 0) * 100);
    return run.phase ? `${percent}% ${PHASE_NAMES[run.phase]} · Kinora` : 'Starting · Kinora';
  }
  if (run.state === 'done') return 'Clip ready · Kinora';
  if (run.state === 'failed') return 'Failed · Kinora';
  return 'Kinora · text to video on your own device';
}
