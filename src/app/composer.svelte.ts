import type { ModelDescription } from '../engine/types';
import type { GenerationSpec, SpecInput } from '../engine/spec';
import { formatSeconds } from './format';
import { buildLexicon, readPrompt, replacePhrase, type Lexicon, type PromptPart } from './read-prompt';
import { spansIn, type Span } from './prompt-spans';
import { rewordPrompt, type FindNeighbours, type Rewording } from './reword-prompt';
import { readJson, writeJson, type KeyValueStore } from './stored-json';

/** Fields that can be wrong; each one's sentence stands beside it. */
type FieldName = 'prompt' | 'seed' | 'steps' | 'guidance' | 'fps';
export type FieldProblems = Readonly<Partial<Record<FieldName, string>>>;

type Limits = ModelDescription['manifest']['limits'];
type NumericField = 'steps' | 'guidance' | 'fps';

export interface SizeChoice {
  readonly width: number;
  readonly height: number;
  readonly label: string;
}

const FIELD_LABELS: Record<NumericField, string> = { steps: 'Steps', guidance: 'Guidance', fps: 'Frame rate' };
/** More than any text encoder here reads of a prompt, with room for a batch of prompts, one a line. */
const MOST_CHARACTERS = 20_000;
/** As far as the prompt is read for hints with every letter typed. */
const READ_CHARACTERS = 4_000;
const STORAGE_KEY = 'kinora.composer';
const SHAPES: readonly (readonly [name: string, ratio: number])[] = [
  ['square', 1],
  ['wide', 16 / 9],
  ['tall', 9 / 16],
];

/** What the user is composing: prompt and settings, what of it the model knows, and what is wrong with it. */
export class Composer {
  prompt = $state('');
  negativePrompt = $state('');
  seed = $state<number | null>(null);
  /** `new`: every clip gets a seed of its own. `fixed`: the seed in the field. */
  seedMode = $state<'new' | 'fixed'>('new');
  steps = $state<number | null>(null);
  guidance = $state<number | null>(null);
  fps = $state<number | null>(null);
  frames = $state(0);
  width = $state(0);
  height = $state(0);
  /** How many clips of the prompt, each of its own seed. */
  versions = $state(1);
  /** Every line of the prompt is a clip of its own. */
  linesApart = $state(false);

  #description = $state.raw<ModelDescription | null>(null);
  #lexicon = $state.raw<Lexicon | null>(null);
  /** The last rewording that was taken over, and the prompt before it. */
  #reworded = $state.raw<{ readonly before: string; readonly after: string } | null>(null);
  /** An empty prompt is only a mistake once Generate was pressed. */
  #attempted = $state(false);
  #refusals = $state(0);
  readonly #store: KeyValueStore | null;
  readonly #random: () => number;

  readonly parts: readonly PromptPart[] = $derived(this.#lexicon ? readPrompt(this.prompt.slice(0, READ_CHARACTERS), this.#lexicon) : []);
  /** Stretches of the prompt to compare with the vocabulary, for `rewording`. */
  readonly spans: readonly Span[] = $derived(spansIn(this.parts, this.prompt));
  readonly problems: FieldProblems = $derived.by(() => this.#findProblems());

  constructor(options: { store?: KeyValueStore; random?: () => number } = {}) {
    this.#store = options.store ?? null;
    this.#random = options.random ?? Math.random;
    const saved = readJson<Partial<SavedComposer>>(this.#store, STORAGE_KEY);
    if (typeof saved?.prompt === 'string') this.prompt = saved.prompt;
    if (typeof saved?.negativePrompt === 'string') this.negativePrompt = saved.negativePrompt;
  }

  /** Null until the model has said what it is. */
  get description(): ModelDescription | null {
    return this.#description;
  }

  get lexicon(): Lexicon | null {
    return this.#lexicon;
  }

  /** How often Generate was refused because something in the fields is wrong. */
  get refusals(): number {
    return this.#refusals;
  }

  /** The longest prompt in words, and about how many of them the model reads, where those are fewer; else null. */
  get excess(): { readonly words: number; readonly read: number } | null {
    const rows = this.#description?.manifest.text.length;
    if (!rows) return null;
    const words = Math.max(0, ...this.prompts.map((prompt) => prompt.slice(0, MOST_CHARACTERS).match(/\S+/g)?.length ?? 0));
    const read = rows - 2; // two rows mark the beginning and the end
    return words > read ? { words, read } : null;
  }

  get isValid(): boolean {
    return this.#description !== null && this.prompt.trim() !== '' && Object.keys(this.problems).length === 0;
  }

  /** Phrases the model never met in training, each once, in the order written. */
  get unknownWords(): string[] {
    return unique(this.parts.filter((part) => part.kind === 'unknown').map((part) => part.text.toLowerCase()));
  }

  /** What it recognises, each once, in the order written. */
  get knownPhrases(): string[] {
    return unique(this.parts.filter((part) => part.kind === 'known').map((part) => part.text.toLowerCase()));
  }

  /** The prompt in words that the model knows. Nothing is compared before the neighbours of all spans are there. */
  rewording(find: FindNeighbours): Rewording {
    const { vocabulary } = this.#description ?? {};
    const { prompt } = this;
    if (!this.#lexicon || !vocabulary || prompt.length > READ_CHARACTERS) return { prompt, changes: [] };
    const isComplete = this.spans.every(({ text }) => find(text));
    return rewordPrompt(prompt, this.spans, { lexicon: this.#lexicon, vocabulary }, isComplete ? find : () => undefined);
  }

  /** Takes a rewording over. */
  reword({ prompt }: Rewording): void {
    this.#reworded = { before: this.prompt, after: prompt };
    this.prompt = prompt;
  }

  /** Whether the prompt is as a rewording left it. */
  get isReworded(): boolean {
    return this.#reworded !== null && this.#reworded.after === this.prompt;
  }

  /** The words from before the rewording again. */
  takeBackWords(): void {
    if (this.isReworded) this.prompt = this.#reworded!.before;
    this.#reworded = null;
  }

  /** Takes over a model's limits and defaults; settings that were stored and still fit stay, steps and guidance only of the very same weights. */
  useModel(description: ModelDescription): void {
    const { defaults, limits, id, revision } = description.manifest;
    this.#description = description;
    this.#lexicon = description.vocabulary ? buildLexicon(description.vocabulary) : null;
    const saved = readJson<Partial<SavedComposer>>(this.#store, STORAGE_KEY);
    const kept = saved?.model === id ? saved : {};
    const sampling = kept.revision === revision ? kept : {}; // newer weights want another number of steps, and perhaps no guidance
    this.steps = keep(sampling.steps, limits.steps) ?? defaults.steps;
    this.guidance = keep(sampling.guidance, limits.guidance) ?? defaults.guidance;
    this.fps = keep(kept.fps, limits.fps) ?? defaults.fps;
    this.frames = keep(kept.frames, limits.frames) ?? defaults.frames;
    const width = keep(kept.width, limits.width);
    const height = keep(kept.height, limits.height);
    this.width = width !== null && height !== null ? width : defaults.width;
    this.height = width !== null && height !== null ? height : defaults.height;
    if (kept.seedMode === 'fixed' && isSeed(kept.seed)) {
      this.seed = kept.seed;
      this.seedMode = 'fixed';
    }
  }

  /** The model's own settings again; the prompt stays. */
  resetSettings(): void {
    const description = this.#description;
    if (!description) return;
    const { defaults } = description.manifest;
    this.steps = defaults.steps;
    this.guidance = defaults.guidance;
    this.fps = defaults.fps;
    this.frames = defaults.frames;
    this.width = defaults.width;
    this.height = defaults.height;
    this.negativePrompt = '';
    this.seedMode = 'new';
    this.versions = 1;
  }

  /** Puts settings back, and leaves the prompt and the seed. */
  apply(settings: Omit<SpecInput, 'prompt' | 'seed'>): void {
    const { seed, seedMode, prompt } = this;
    this.restore({ ...settings, prompt });
    [this.seed, this.seedMode] = [seed, seedMode];
  }

  /** Frame counts the model makes (4n + 1), with their length in time. */
  get frameChoices(): { readonly frames: number; readonly label: string }[] {
    const limits = this.#description?.manifest.limits.frames;
    if (!limits) return [];
    const fps = this.fps && this.fps > 0 ? this.fps : this.#description!.manifest.defaults.fps;
    const step = Math.max(4, limits.step);
    const counts: number[] = [];
    for (let frames = limits.min; frames <= limits.max; frames += step) counts.push(frames);
    return counts.map((frames) => ({ frames, label: `${formatSeconds(frames / fps)} · ${frames} frame${frames === 1 ? '' : 's'}` }));
  }

  /** A few shapes of about the default's area, and smaller and larger squares, as far as the limits allow. */
  get sizeChoices(): SizeChoice[] {
    const manifest = this.#description?.manifest;
    if (!manifest) return [];
    const { defaults, limits } = manifest;
    const area = defaults.width * defaults.height;
    const choices: SizeChoice[] = [];
    const add = (name: string, width: number, height: number): void => {
      const isNew = !choices.some((choice) => choice.width === width && choice.height === height);
      if (isNew && isWithin(width, limits.width) && isWithin(height, limits.height))
        choices.push({ width, height, label: `${width} × ${height} · ${name}` });
    };
    add(shapeName(defaults.width, defaults.height), defaults.width, defaults.height);
    for (const [name, ratio] of SHAPES)
      add(name, snap(Math.sqrt(area * ratio), limits.width), snap(Math.sqrt(area / ratio), limits.height));
    for (const scale of [0.5, 1.5, 2]) {
      const side = Math.sqrt(area) * scale;
      add(scale < 1 ? 'small' : scale > 1.5 ? 'larger' : 'large', snap(side, limits.width), snap(side, limits.height));
    }
    add(shapeName(this.width, this.height), this.width, this.height);
    return choices;
  }

  /** Wordings of one group of the vocabulary (`looks`, `cameras`), the first of each id. */
  phrasesOf(group: string): { readonly id: string; readonly phrase: string }[] {
    const entries = Object.entries(this.#description?.vocabulary?.[group] ?? {});
    return entries.flatMap(([id, phrases]) => (phrases[0] ? [{ id, phrase: phrases[0] }] : []));
  }

  /** The id of a group that the prompt names, or ''. */
  chosenIn(group: string): string {
    return this.parts.find((part) => part.group === group)?.id ?? '';
  }

  /** Writes the choice into the prompt itself, where the user sees it: what is sent is what stands there. */
  choose(group: string, id: string): void {
    if (!this.#lexicon) return;
    const phrase = this.phrasesOf(group).find((entry) => entry.id === id)?.phrase ?? null;
    this.prompt = replacePhrase(this.prompt, this.#lexicon, group, phrase);
  }

  /** Appends a word of the vocabulary to the prompt. */
  addPhrase(phrase: string): void {
    const base = this.prompt.trimEnd();
    this.prompt = base === '' ? phrase : `${base} ${phrase}`;
  }

  /** Draws a seed and shows it; small enough to be read aloud. */
  rollSeed(): void {
    this.seed = Math.floor(this.#random() * 2 ** 32);
  }

  /** The prompts that would be made: one, or one a line. */
  get prompts(): string[] {
    const lines = this.prompt.split('\n').map((line) => line.trim());
    return this.linesApart ? lines.filter((line) => line !== '') : [this.prompt.trim()];
  }

  /** Whether the prompt has several lines, so that one clip a line is a question at all. */
  get hasLines(): boolean {
    return this.prompt.split('\n').filter((line) => line.trim() !== '').length > 1;
  }

  /**
   * What to run: for each prompt its versions, whose seeds follow one another. Empty (and the problems show) where something is wrong.
   */
  takeSpecs(): SpecInput[][] {
    const first = this.takeSpec();
    if (!first) return [];
    return this.prompts.map((prompt) =>
      Array.from({ length: this.versions }, (_, version) => ({
        ...first,
        prompt,
        seed: ((first.seed ?? 0) + version) % Number.MAX_SAFE_INTEGER,
      })),
    );
  }

  /**
   * The spec to run, or null (and the problems show) where something is wrong. In `new` mode it draws a seed first.
   */
  takeSpec(): SpecInput | null {
    this.#attempted = true;
    const description = this.#description;
    if (!description || !this.isValid) {
      this.#refusals += 1;
      return null;
    }
    if (this.seedMode === 'new') this.rollSeed();
    this.save();
    return this.current();
  }

  /** What stands in the fields, checked or not; what is missing is the model's default. */
  current(): SpecInput {
    if (!this.#description) return { prompt: this.prompt.trim() };
    const { id, defaults } = this.#description.manifest;
    return {
      version: 1,
      model: id,
      prompt: this.prompt.trim(),
      negativePrompt: this.negativePrompt.trim(),
      seed: this.seed ?? 0,
      width: this.width,
      height: this.height,
      frames: this.frames,
      fps: this.fps ?? defaults.fps,
      steps: this.steps ?? defaults.steps,
      guidance: this.guidance ?? defaults.guidance,
      sampler: defaults.sampler,
      shift: defaults.shift,
    };
  }

  /** Puts a whole spec back into the fields; its seed is held for the next clip too unless told otherwise. */
  restore(spec: SpecInput, { keepSeed = true } = {}): void {
    this.prompt = spec.prompt;
    this.negativePrompt = spec.negativePrompt ?? '';
    if (spec.seed !== undefined) {
      this.seed = spec.seed;
      if (keepSeed) this.seedMode = 'fixed';
    }
    if (spec.width !== undefined && spec.height !== undefined) {
      this.width = spec.width;
      this.height = spec.height;
    }
    this.frames = spec.frames ?? this.frames;
    this.fps = spec.fps ?? this.fps;
    this.steps = spec.steps ?? this.steps;
    this.guidance = spec.guidance ?? this.guidance;
  }

  /** Keeps prompt and settings on this device, so that a reload loses nothing. */
  save(): void {
    const saved: SavedComposer = {
      model: this.#description?.manifest.id ?? '',
      revision: this.#description?.manifest.revision ?? '',
      prompt: this.prompt,
      negativePrompt: this.negativePrompt,
      seed: this.seed,
      seedMode: this.seedMode,
      steps: this.steps,
      guidance: this.guidance,
      fps: this.fps,
      frames: this.frames,
      width: this.width,
      height: this.height,
    };
    writeJson(this.#store, STORAGE_KEY, saved);
  }

  #findProblems(): FieldProblems {
    const limits = this.#description?.manifest.limits;
    if (!limits) return {};
    const problems: Partial<Record<FieldName, string>> = {};
    if (this.#attempted && this.prompt.trim() === '') problems.prompt = 'There is no prompt yet. Say what should be in the clip.';
    else if (this.prompt.length > MOST_CHARACTERS)
      problems.prompt = `The prompt has ${this.prompt.length.toLocaleString('en')} characters; ${MOST_CHARACTERS.toLocaleString('en')} are the most. Shorten it.`;
    if (this.seedMode === 'fixed' && !isSeed(this.seed)) problems.seed = `The seed is a whole number from 0 to ${Number.MAX_SAFE_INTEGER}.`;
    for (const field of ['steps', 'guidance', 'fps'] as const) {
      const range = limits[field];
      const value = this[field];
      if (typeof value !== 'number' || !isWithin(value, range)) problems[field] = `${FIELD_LABELS[field]} ${describeRange(range)}.`;
    }
    return problems;
  }
}

type SavedComposer = { model: string; revision: string } & Pick<GenerationSpec, 'prompt' | 'negativePrompt'> &
  Pick<Composer, 'seed' | 'seedMode' | 'steps' | 'guidance' | 'fps' | 'frames' | 'width' | 'height'>;
type NumberRange = Limits['steps'];

function describeRange({ min, max, step }: NumberRange): string {
  if (min === max) return `can only be ${min}`;
  const whole = step !== 0 && Number.isInteger(step) && Number.isInteger(min);
  return step > 1 ? `goes from ${min} to ${max} in steps of ${step}` : `${whole ? 'is a whole number' : 'goes'} from ${min} to ${max}`;
}

/** As the engine checks it, but forgiving of binary fractions (0.1 + 0.2). */
function isWithin(value: number, { min, max, step }: NumberRange): boolean {
  if (!(value >= min && value <= max)) return false;
  if (step === 0) return true;
  const units = (value - min) / step;
  return Math.abs(units - Math.round(units)) < 1e-6;
}

function keep(value: unknown, range: NumberRange): number | null {
  return typeof value === 'number' && isWithin(value, range) ? value : null;
}

function isSeed(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function snap(value: number, { min, max, step }: NumberRange): number {
  const snapped = step > 0 ? min + Math.round((value - min) / step) * step : Math.round(value);
  return Math.min(max, Math.max(min, snapped));
}

function shapeName(width: number, height: number): string {
  return width === height ? 'square' : width > height ? 'wide' : 'tall';
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}
