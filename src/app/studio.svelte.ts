import { KinoraError, toKinoraError } from '../errors';
import type { GenerationSpec, SpecInput } from '../engine/spec';
import type { Clip, Kinora } from '../engine/types';
import { Composer } from './composer.svelte';
import { Device } from './device.svelte';
import { Estimates } from './estimates.svelte';
import { Neighbours } from './neighbours.svelte';
import { PHASE_NAMES } from './phase-names';
import { Preferences } from './preferences.svelte';
import { Presets } from './presets.svelte';
import { PromptHistory } from './prompt-history.svelte';
import { Queue } from './queue.svelte';
import { Run } from './run.svelte';
import { readLink } from './spec-link';
import { Takes } from './takes.svelte';
import { readJson, writeJson, type KeyValueStore } from './stored-json';

export const DEFAULT_MODEL = 'storybook';

/** Where finished clips are kept: the library. */
export interface ClipKeeper {
  add(clip: Clip): Promise<unknown>;
}

export interface StudioServices {
  readonly kinora: Kinora;
  readonly store: KeyValueStore | null;
  readonly keepAwake: () => Promise<() => void>;
  readonly library?: ClipKeeper;
  /** Resolves when this tab may look after the stored queue: at once, or when the tab that does has gone. */
  readonly ownQueue?: () => Promise<void>;
  /** Tells of a clip that is done, where the user asked for that. */
  readonly notify?: (prompt: string) => void;
  /** Bytes of memory that page and workers hold, or null where the browser doesn't say. */
  readonly measureMemory?: () => Promise<number | null>;
  /** Resolves once nothing stands in the way of calling the engine: see `registerServiceWorker`. */
  readonly ready?: Promise<void>;
}

/** A run that did not finish before the page went away. */
export interface Unfinished {
  readonly spec: GenerationSpec;
  readonly stepsDone: number;
}

const DISMISSED_KEY = 'kinora.dismissed';

/** The whole page's state: what is composed, what runs and waits, what was made, on what device. */
export class Studio {
  readonly kinora: Kinora;
  readonly library: ClipKeeper | null;
  readonly composer: Composer;
  readonly device: Device;
  readonly run: Run;
  readonly estimates: Estimates;
  readonly queue: Queue;
  readonly takes: Takes;
  readonly preferences: Preferences;
  readonly presets: Presets;
  readonly history: PromptHistory;
  readonly neighbours: Neighbours;
  #unfinished = $state.raw<Unfinished | null>(null);
  #modelError = $state.raw<KinoraError | null>(null);
  #linkError = $state.raw<KinoraError | null>(null);
  #keepError = $state.raw<KinoraError | null>(null);
  #queueFull = $state(false);
  #isWorking = false;
  #isPrepared = false;
  readonly #services: StudioServices;

  /** The tab's title: progress first, as tabs are narrow. */
  readonly title: string = $derived.by(() => describeTitle(this.run, this.queue.items.length));

  constructor(services: StudioServices) {
    const { kinora, store, keepAwake, library = null } = services;
    this.#services = services;
    this.kinora = kinora;
    this.library = library;
    this.composer = new Composer(store ? { store } : {});
    this.device = new Device(kinora);
    this.estimates = new Estimates(store);
    this.preferences = new Preferences(store);
    this.presets = new Presets(store);
    this.history = new PromptHistory(store);
    this.queue = new Queue(store);
    this.takes = new Takes();
    this.neighbours = new Neighbours((text) => kinora.embed(text));
    this.run = new Run({
      kinora,
      keepAwake,
      options: () => this.preferences.runOptions,
      downloaded: () => void this.device.refresh(),
    });
  }

  /** A run of an earlier page (before a reload or a crash), until it is taken up again or dismissed. */
  get unfinished(): Unfinished | null {
    return this.#unfinished;
  }

  /** Why the model can't say what it is (first visit without a network, say). */
  get modelError(): KinoraError | null {
    return this.#modelError;
  }

  /** What is wrong with the link that the page was opened with. */
  get linkError(): KinoraError | null {
    return this.#linkError;
  }

  /** Why the last clip could not be kept in the library; it can still be saved as a file. */
  get keepError(): KinoraError | null {
    return this.#keepError;
  }

  /** Some of what was asked for last found no room in the queue. */
  get queueFull(): boolean {
    return this.#queueFull;
  }

  /** The clip whose details show; null while several stand side by side. */
  get clip(): Clip | null {
    return this.takes.current;
  }

  /** The model is on this device, so that nothing need be fetched. */
  get isStored(): boolean {
    return this.device.model(DEFAULT_MODEL)?.complete === true;
  }

  /** Seconds that what is composed will take here, all its versions; null where nothing like it was measured. */
  get estimateSeconds(): number | null {
    const one = this.secondsOf(this.composer.current());
    return one === null ? null : one * this.composer.versions * Math.max(1, this.composer.prompts.length);
  }

  /** Bytes of memory at the highest that a clip like what is composed took here; null where none was made. */
  get estimateBytes(): number | null {
    return this.estimates.bytesFor(this.composer.current());
  }

  secondsOf(spec: SpecInput): number | null {
    return this.estimates.secondsFor(spec);
  }

  /** Asks device and model; looks for an unfinished run. Never rejects. */
  async open(): Promise<void> {
    void this.#services.ownQueue?.().then(() => this.queue.restore());
    await this.#services.ready;
    await Promise.all([this.device.refresh(), this.loadModel(), this.#findUnfinished()]);
  }

  async loadModel(): Promise<void> {
    try {
      this.composer.useModel(await this.kinora.describe(DEFAULT_MODEL));
      this.#modelError = null;
    } catch (thrown) {
      this.#modelError = toKinoraError(thrown);
    }
  }

  /** Makes a stored model ready while a prompt is written, so that the clip need not wait for it. Once; a failure shows with the clip. */
  async prepare(): Promise<void> {
    if (this.#isPrepared || !this.isStored || this.run.isBusy) return;
    this.#isPrepared = true;
    await this.kinora.prepare(DEFAULT_MODEL, this.preferences.runOptions).catch(() => false);
  }

  /** Compares words that the model never met with those it knows; only where that fetches nothing and keeps no clip waiting. */
  async lookAtWords(): Promise<void> {
    const { vocabulary } = this.composer.description ?? {};
    if (vocabulary && this.isStored) {
      const texts = this.composer.spans.map(({ text }) => text);
      await this.neighbours.look(texts, vocabulary, () => this.run.isBusy);
    }
  }

  /** Makes what is composed, or puts it behind what waits; where something is wrong, the fields say so and nothing starts. */
  async generate(): Promise<void> {
    const groups = this.composer.takeSpecs();
    this.#queueFull = false;
    for (const specs of groups) {
      this.history.add(specs[0]!.prompt);
      if (this.queue.add(specs) < specs.length) {
        this.#queueFull = true;
        break;
      }
    }
    if (groups.length > 0) await this.work();
  }

  /** Makes what waits, one after the other, until nothing does or one is stopped or fails. */
  async work(): Promise<void> {
    if (this.#isWorking || this.run.isBusy) return;
    this.#isWorking = true;
    try {
      for (let next = this.queue.take(); next; next = this.queue.take()) {
        await this.#make(next.spec, { group: next.group });
        if (this.run.state !== 'done') break;
      }
    } finally {
      this.#isWorking = false;
    }
  }

  /** Goes on with the run that was stopped or failed in this page, then with what waits. */
  async goOn(): Promise<void> {
    if (!this.run.spec) return;
    await this.#make(this.run.spec, { resume: true, group: this.takes.group });
    if (this.run.state === 'done') await this.work();
  }

  /** Goes on with the run that an earlier page left; its prompt and settings come back with it. */
  async takeUpUnfinished(): Promise<void> {
    const left = this.#unfinished;
    if (!left) return;
    this.composer.restore(left.spec, { keepSeed: false });
    await this.#make(left.spec, { resume: true });
    if (this.run.state === 'done') await this.work();
  }

  /** Hides the unfinished run; it is not offered again. */
  dismissUnfinished(): void {
    if (this.#unfinished) writeJson(this.#services.store, DISMISSED_KEY, this.#unfinished.spec);
    this.#unfinished = null;
  }

  /** Puts the settings of a clip back into the fields; without its seed the next clip gets one of its own. */
  useSettings(spec: SpecInput, { withSeed }: { readonly withSeed: boolean }): void {
    this.composer.restore(spec, { keepSeed: withSeed });
    if (!withSeed) this.composer.seedMode = 'new';
    this.composer.save();
  }

  /** Takes over the settings that a link carries behind its #, once they are checked against the model. */
  async openLink(hash: string): Promise<void> {
    this.#linkError = null;
    try {
      const json = readLink(hash);
      if (json === null)
        throw new KinoraError(
          'invalid-spec',
          'The settings in this link can’t be read.',
          'Ask for the link again; it may have been cut off.',
        );
      const { completeSpec } = await import('../engine/spec');
      const { manifest } = this.composer.description ?? (await this.kinora.describe(DEFAULT_MODEL));
      this.useSettings(completeSpec(json, manifest), { withSeed: true });
    } catch (thrown) {
      this.#linkError = toKinoraError(thrown);
    }
  }

  dismissLinkError(): void {
    this.#linkError = null;
  }

  async #make(spec: SpecInput, { resume = false, group = null }: { resume?: boolean; group?: string | null }): Promise<void> {
    if (this.run.isBusy) return;
    this.#unfinished = null;
    const { measureMemory, notify } = this.#services;
    this.takes.begin(group);
    await this.run.start(spec, { resume });
    const { state, clip } = this.run;
    if (state === 'done' && clip) {
      this.takes.add(clip);
      this.estimates.learn(clip.report);
      // After the run: wasm memory never shrinks, so this is its highest point.
      void measureMemory?.().then((bytes) => bytes !== null && this.estimates.learnMemory(clip.report, bytes));
      if (this.preferences.notify) notify?.(spec.prompt);
      await this.#keep(clip);
    }
    await this.device.refresh();
  }

  async #keep(clip: Clip): Promise<void> {
    try {
      await this.library?.add(clip);
      this.#keepError = null;
    } catch (thrown) {
      this.#keepError = toKinoraError(thrown);
    }
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

function describeTitle(run: Run, waiting: number): string {
  if (run.isBusy) {
    if (run.note) return 'Waiting · Kinora';
    const percent = Math.floor((run.progress?.fraction ?? 0) * 100);
    const more = waiting > 0 ? `, ${waiting} more` : '';
    return run.phase ? `${percent}% ${PHASE_NAMES[run.phase]}${more} · Kinora` : 'Starting · Kinora';
  }
  if (run.state === 'done') return 'Clip ready · Kinora';
  if (run.state === 'failed') return 'Failed · Kinora';
  return 'Kinora · text to video on your own device';
}
