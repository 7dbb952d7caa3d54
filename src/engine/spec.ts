import * as v from 'valibot';
import { KinoraError } from '../errors';
import type { ModelManifest, NumberRange } from '../weights/manifest';

const SAMPLERS = ['euler', 'unipc', 'dmd', 'rcm'] as const;

/** A clip's recipe. Versioned, validated; stored with the clip, inside the MP4 and in the report. */
export interface GenerationSpec {
  readonly version: 1;
  readonly model: string;
  readonly prompt: string;
  readonly negativePrompt: string;
  /** 0 to 2^53 - 1; torch's CPU generator, so it means what it means in ComfyUI and diffusers. */
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /** 4n + 1. */
  readonly frames: number;
  readonly fps: number;
  readonly steps: number;
  /** Classifier-free guidance scale; 1 is off. */
  readonly guidance: number;
  readonly sampler: (typeof SAMPLERS)[number];
  /** Flow-matching shift of the schedule. */
  readonly shift: number;
}

/** What a caller gives: a prompt, and anything that should differ from the model's defaults. */
export type SpecInput = { readonly prompt: string } & { readonly [K in keyof Omit<GenerationSpec, 'prompt'>]?: GenerationSpec[K] };

/** The ranges of a spec's numbers: a model's own, or the widest that any model may have. */
export type SpecLimits = ModelManifest['limits'];

/** What `completeSpec` reads of a manifest. */
export type SpecModel = Pick<ModelManifest, 'id' | 'name' | 'defaults' | 'limits'>;

/** The widest ranges that the format allows; a model's own lie within them. docs/spec.schema.json states these. */
export const WIDEST_LIMITS: SpecLimits = {
  width: { min: 16, max: 4096, step: 2 },
  height: { min: 16, max: 4096, step: 2 },
  frames: { min: 1, max: 4097, step: 4 },
  fps: { min: 1, max: 120, step: 1 },
  steps: { min: 1, max: 1000, step: 1 },
  guidance: { min: 0, max: 100, step: 0 },
  shift: { min: 0.01, max: 100, step: 0 },
};

const EXAMPLE = '“a fox runs through snow”';
const NOUNS: Readonly<Record<keyof SpecLimits, string>> = {
  width: 'The width',
  height: 'The height',
  frames: 'The number of frames',
  fps: 'The frame rate',
  steps: 'The number of steps',
  guidance: 'The guidance',
  shift: 'The shift',
};

function ranged(field: keyof SpecLimits, range: NumberRange, description: string) {
  const message = (issue: { readonly input: unknown }) => outOfRange(field, range, issue.input);
  return v.pipe(
    v.number(message),
    v.minValue(range.min, message),
    v.maxValue(range.max, message),
    v.check((value) => range.step === 0 || isOnStep(value, range), message),
    v.metadata({
      ...(range.step > 0 ? { type: 'integer' } : {}),
      ...(range.step > 1 && range.min % range.step === 0 ? { multipleOf: range.step } : {}),
    }),
    v.description(`${description} ${rangeWords(range).replace(/^./, (first) => first.toUpperCase())}.`),
  );
}

/** The schema of a `GenerationSpec` within the given ranges. Its messages are whole sentences for the user. */
export function specSchema(limits: SpecLimits) {
  return v.pipe(
    v.strictObject(
      {
        version: v.pipe(
          v.literal(1, (issue) => `This spec is of version ${show(issue.input)}; this Kinora reads version 1.`),
          v.description('Version of this format.'),
        ),
        model: v.pipe(
          v.string('The model is not a text.'),
          v.regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, (issue) => `${show(issue.input)} is not the name of a model.`),
          v.description('Id of the model.'),
        ),
        prompt: v.pipe(v.string('The prompt is not a text.'), v.regex(/\S/, 'The prompt is empty.'), v.description('What should be seen.')),
        negativePrompt: v.pipe(v.string('The negative prompt is not a text.'), v.description('What should not be seen; may be empty.')),
        seed: v.pipe(
          v.number(seedMessage),
          v.safeInteger(seedMessage),
          v.minValue(0, seedMessage),
          v.description('Seed of the noise: torch’s CPU generator, as in diffusers and ComfyUI.'),
        ),
        width: ranged('width', limits.width, 'Pixels across.'),
        height: ranged('height', limits.height, 'Pixels down.'),
        frames: ranged('frames', limits.frames, 'Frames of the clip.'),
        fps: ranged('fps', limits.fps, 'Frames a second.'),
        steps: ranged('steps', limits.steps, 'Denoising steps.'),
        guidance: ranged('guidance', limits.guidance, 'Classifier-free guidance scale; 1 is off.'),
        sampler: v.pipe(
          v.picklist(SAMPLERS, (issue) => `${show(issue.input)} is not a sampler; there are ${SAMPLERS.join(', ')}.`),
          v.description('How a step is taken.'),
        ),
        shift: ranged('shift', limits.shift, 'Flow-matching shift of the noise schedule.'),
      },
      (issue) => (issue.expected === 'never' ? `A spec has no field ${show(issue.path?.[0]?.key ?? issue.received)}.` : specMissing(issue)),
    ),
    v.title('GenerationSpec'),
    v.description('A clip’s recipe: all that decides what is made, besides the weights and the arithmetic (the report’s plan).'),
  );
}

/**
 * Fills a caller's spec with the model's defaults (and a random seed) and checks it against the model's limits.
 * Fields that are `undefined` count as absent. Throws `invalid-spec`: the message names the value and what is allowed.
 */
export function completeSpec(input: unknown, model: SpecModel): GenerationSpec {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new KinoraError('invalid-spec', 'The spec is not an object.', `Give at least a prompt, for example { prompt: ${EXAMPLE} }.`);
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
  const completed = { version: 1, model: model.id, prompt: '', negativePrompt: '', seed: randomSeed(), ...model.defaults, ...given };
  const result = v.safeParse(specSchema(model.limits), completed);
  if (!result.success) throw refusal(result.issues[0], model);
  return result.output;
}

/** The id of the model that a spec asks for, before the rest of it can be checked; null leaves the choice to the engine. */
export function requestedModel(input: unknown): string | null {
  const model = typeof input === 'object' && input !== null ? (input as { model?: unknown }).model : undefined;
  if (model === undefined) return null;
  if (typeof model !== 'string')
    throw new KinoraError('invalid-spec', 'The model is not a text.', 'Name one of the models that are listed, or leave it out.');
  return model;
}

function refusal(issue: v.BaseIssue<unknown>, model: SpecModel): KinoraError {
  const field = String(issue.path?.[0]?.key ?? '');
  const hints: Record<string, string> = {
    prompt: `Describe what should be seen, for example ${EXAMPLE}.`,
    version: 'Make it again with this version, or update Kinora.',
    sampler: `Choose one of them, or leave it out: ${model.name} then takes ${model.defaults.sampler}.`,
    seed: 'Leave the seed out to get a random one.',
    model: 'Name one of the models that are listed, or leave it out.',
    negativePrompt: 'Leave it out when nothing should be kept away.',
  };
  const fallback =
    field in model.defaults
      ? `${model.name}’s default is ${model.defaults[field as keyof SpecModel['defaults']]}.`
      : 'docs/spec.schema.json lists every field.';
  return new KinoraError('invalid-spec', issue.message, hints[field] ?? fallback);
}

function outOfRange(field: keyof SpecLimits, range: NumberRange, value: unknown): string {
  const must = `${NOUNS[field]} must be ${rangeWords(range)}, not ${show(value)}`;
  if (typeof value !== 'number' || !Number.isFinite(value) || range.step === 0) return `${must}.`;
  const below = range.min + Math.floor((value - range.min) / range.step) * range.step;
  const last = range.min + Math.floor((range.max - range.min) / range.step) * range.step;
  const nearest = [...new Set([below, below + range.step].map((candidate) => Math.min(Math.max(candidate, range.min), last)))];
  return `${must}; the nearest ${nearest.length > 1 ? 'are' : 'is'} ${nearest.join(' and ')}.`;
}

function rangeWords({ min, max, step }: NumberRange): string {
  if (min === max) return `exactly ${min}`;
  if (step === 0) return `from ${min} to ${max}`;
  if (step === 1) return `a whole number from ${min} to ${max}`;
  return min % step === 0 ? `a multiple of ${step} from ${min} to ${max}` : `${step}n + ${min % step}, from ${min} to ${max}`;
}

function isOnStep(value: number, { min, step }: NumberRange): boolean {
  return (value - min) % step === 0;
}

function seedMessage(issue: { readonly input: unknown }): string {
  return `The seed must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, not ${show(issue.input)}.`;
}

function specMissing(issue: { readonly path?: readonly { readonly key?: unknown }[] | undefined }): string {
  return `The spec lacks ${show(issue.path?.[0]?.key)}.`;
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? `“${value}”` : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** 32 random bits: short enough to be read and typed again. */
function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
