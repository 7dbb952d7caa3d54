import * as v from 'valibot';
import { KinoraError } from '../errors';

/** What a file of a model is for; one file a role. */
const FILE_ROLES = ['transformer', 'autoencoder', 'text-encoder', 'tokenizer', 'vocabulary'] as const;
export type FileRole = (typeof FILE_ROLES)[number];

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hex'));
const text = v.pipe(v.string(), v.minLength(1));

/** Allowed values of a number: `min`, `min + step`, … up to `max`; a step of 0 allows everything between. */
const range = v.pipe(
  v.object({ min: v.number(), max: v.number(), step: v.pipe(v.number(), v.minValue(0)) }),
  v.check(({ min, max }) => min <= max, 'has a minimum above its maximum'),
);

const file = v.object({
  /** A plain file name beside the manifest: no folders, so that a manifest can't point elsewhere. */
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'is not a plain file name')),
  role: v.picklist(FILE_ROLES),
  sizeBytes: count,
  sha256,
  /** SHA-256 of each chunk of `chunkSizeBytes`, the last one shorter. */
  chunks: v.array(sha256),
});

/** diffusers' WanTransformer3DModel configuration, as far as the network reads it. */
const transformerConfig = v.looseObject({
  patch_size: v.tuple([count, count, count]),
  num_attention_heads: count,
  attention_head_dim: count,
  in_channels: count,
  out_channels: count,
  text_dim: count,
  freq_dim: count,
  ffn_dim: count,
  num_layers: count,
  cross_attn_norm: v.boolean(),
  qk_norm: v.string(),
  eps: v.number(),
  rope_max_seq_len: count,
});

/** The autoencoder's own configuration; its network knows the rest of the fields by `_class`. */
const autoencoderConfig = v.looseObject({ _class: v.string(), latent_channels: count });

/** Hugging Face's configuration of the text encoder; its network knows the rest of the fields by `model_type`. */
const textEncoderConfig = v.looseObject({ model_type: v.string() });

const manifest = v.object({
  version: v.literal(1),
  id: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, 'is not a model id')),
  name: text,
  family: v.literal('wan'),
  /** For people: which licences, for which part. */
  licence: text,
  source: text,
  revision: text,
  /** A chunk is held in memory while it arrives: at most 64 MiB. */
  chunkSizeBytes: v.pipe(count, v.maxValue(64 * 2 ** 20)),
  files: v.pipe(v.array(file), v.minLength(1)),
  configs: v.object({ transformer: transformerConfig, autoencoder: autoencoderConfig, textEncoder: textEncoderConfig }),
  text: v.object({
    encoder: v.picklist(['minilm', 'umt5']),
    /** Which of the encoder's outputs is the context. */
    states: v.literal('last_hidden_state'),
    /** Rows of context that the transformer sees; longer prompts are cut. */
    length: count,
    padding: v.literal('zero rows, no mask'),
    /** The text that stands for "no prompt". */
    empty: v.string(),
  }),
  timesteps: v.picklist(['one', 'per latent frame']),
  /** Given where the transformer's output is preconditioned (sampling/precondition.ts): the assumed deviation of clean latents. */
  sigmaData: v.optional(v.pipe(v.number(), v.gtValue(0), v.finite())),
  defaults: v.object({
    width: count,
    height: count,
    frames: count,
    fps: count,
    steps: count,
    guidance: v.number(),
    shift: v.number(),
    sampler: v.picklist(['euler', 'unipc', 'dmd', 'rcm']),
  }),
  /** Linear map from latents to the RGB mean of a latent's pixels: rgb = matrix · latents + bias, in [0, 1]. */
  latentRgb: v.object({
    note: v.optional(v.string()),
    matrix: v.pipe(v.array(v.array(v.number())), v.length(3)),
    bias: v.tuple([v.number(), v.number(), v.number()]),
  }),
  limits: v.object({ width: range, height: range, frames: range, fps: range, steps: range, guidance: range, shift: range }),
});

export type ModelManifest = v.InferOutput<typeof manifest>;
export type ManifestFile = ModelManifest['files'][number];
export type NumberRange = ModelManifest['limits']['width'];

/**
 * Checks a parsed manifest.json. Beyond the types: chunk counts fit the sizes, roles and names are unique,
 * the preview map has a column for every latent channel, the defaults lie within the limits.
 * Throws `invalid-file`, naming the first field that is wrong.
 */
export function parseManifest(json: unknown): ModelManifest {
  const result = v.safeParse(manifest, json, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    throw refuse(`${v.getDotPath(issue) ?? 'manifest'}: ${issue.message}`);
  }
  const parsed = result.output;
  for (const key of ['name', 'role'] as const)
    if (new Set(parsed.files.map((entry) => entry[key])).size !== parsed.files.length) throw refuse(`two files have the same ${key}`);
  for (const entry of parsed.files)
    if (entry.chunks.length !== Math.ceil(entry.sizeBytes / parsed.chunkSizeBytes))
      throw refuse(`${entry.name} has ${entry.chunks.length} chunk hashes for ${entry.sizeBytes} bytes`);
  for (const row of parsed.latentRgb.matrix)
    if (row.length !== parsed.configs.autoencoder.latent_channels) throw refuse('latentRgb.matrix does not fit the latent channels');
  for (const key of ['width', 'height', 'frames', 'fps', 'steps', 'guidance', 'shift'] as const)
    if (!isInRange(parsed.defaults[key], parsed.limits[key])) throw refuse(`defaults.${key} lies outside limits.${key}`);
  return parsed;
}

/** Whether a value is one that a limit allows. */
export function isInRange(value: number, { min, max, step }: NumberRange): boolean {
  return value >= min && value <= max && (step === 0 || (value - min) % step === 0);
}

/** The file of a role. Throws `invalid-file` when the manifest has none. */
export function fileOfRole(model: ModelManifest, role: FileRole): ManifestFile {
  const found = model.files.find((entry) => entry.role === role);
  if (!found) throw refuse(`it has no file of role ${role}`);
  return found;
}

/** Where a file is, given the URL of the folder (or of the manifest) that it lies beside. */
export function fileUrl(entry: ManifestFile, baseUrl: string): string {
  return new URL(entry.name, baseUrl).href;
}

/** Bytes of one chunk of a file: `chunkSizeBytes`, or what is left for the last one. */
export function chunkSize(model: ModelManifest, entry: ManifestFile, index: number): number {
  return Math.min(model.chunkSizeBytes, entry.sizeBytes - index * model.chunkSizeBytes);
}

/** Bytes of the whole model. */
export function modelSizeBytes(model: ModelManifest): number {
  return model.files.reduce((sum, entry) => sum + entry.sizeBytes, 0);
}

function refuse(reason: string): KinoraError {
  return new KinoraError('invalid-file', `The model's manifest is not valid: ${reason}.`, 'Fetch the model again from its publisher.');
}
