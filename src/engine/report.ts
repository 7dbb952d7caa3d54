import * as v from 'valibot';
import { KinoraError } from '../errors';
import { specSchema, WIDEST_LIMITS } from './spec';
import { BACKEND_CHOICES, type ExecutionPlan } from './types';

const precision = v.picklist(['exact', 'fast']);
const seconds = v.pipe(v.number(), v.minValue(0));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const executorPlan = v.pipe(
  v.object({
    backend: v.pipe(v.string(), v.description('wgsl, ort-webgpu or ort-wasm.')),
    build: v.pipe(v.string(), v.description('Library, version and build.')),
    precision,
    threads: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
    adapter: v.pipe(v.nullable(v.string()), v.description('GPU adapter in words.')),
    variants: v.pipe(
      v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
      v.description('Kernel variants and lowering choices that change the arithmetic.'),
    ),
  }),
  v.description('How one network was run.'),
);

/** The plan of a report: everything that decides the bits of the latents besides the spec and the model. */
const planSchema = v.object({
  requested: v.object({ backend: v.picklist(BACKEND_CHOICES), precision }),
  reason: v.string(),
  textEncoder: executorPlan,
  transformer: executorPlan,
  autoencoder: executorPlan,
});

/** The schema of a `Report`; docs/report.schema.json is written from it. */
export const reportSchema = v.pipe(
  v.object({
    version: v.literal(1),
    kinora: v.pipe(v.string(), v.description('Kinora’s own version.')),
    spec: specSchema(WIDEST_LIMITS),
    plan: v.pipe(planSchema, v.description('The arithmetic: the same spec, model and plan on the same device give the same latents.')),
    model: v.object({
      id: v.string(),
      revision: v.string(),
      sha256: v.pipe(sha256, v.description('SHA-256 over “sha256  name\\n” of every file, sorted by name.')),
      files: v.array(v.object({ name: v.string(), sizeBytes: count, sha256 })),
    }),
    prompt: v.object({
      tokens: v.pipe(count, v.description('Tokens that the text encoder saw.')),
      truncated: v.pipe(v.nullable(v.string()), v.description('The end of the prompt that did not fit, or null.')),
    }),
    seconds: v.pipe(v.record(v.string(), seconds), v.description('Seconds by phase, and in all (total).')),
    stepSeconds: v.array(seconds),
    latentsSha256: v.pipe(sha256, v.description('SHA-256 of the final latents: f32 little-endian bytes, [C, T, H, W].')),
    latentsShape: v.array(count),
    encoder: v.object({
      codec: v.string(),
      container: v.picklist(['mp4', 'webm']),
      hardwareAcceleration: v.string(),
      scale: v.pipe(v.number(), v.description('Whole-number upscale of the exported video.')),
    }),
    clip: v.object({ width: count, height: count, frames: count, fps: seconds, sizeBytes: count, mimeType: v.string() }),
    memory: v.optional(
      v.pipe(
        v.object({
          plannedBytes: v.pipe(count, v.description('Planned before anything was allocated, every network kept loaded.')),
          plannedLeastBytes: v.pipe(count, v.description('Planned with one network in memory at a time.')),
          peakBytes: v.pipe(count, v.description('The most that was allocated at once.')),
        }),
        v.description('GPU memory in bytes, where Kinora’s own kernels ran.'),
      ),
    ),
    notes: v.pipe(v.array(v.string()), v.description('What the user should know: a prompt that was cut, a fallback that was taken.')),
  }),
  v.title('Report'),
  v.description('What was made, how, and how long it took.'),
);

/** The plan in a parsed report.json (or a plan alone). Throws `invalid-spec` when there is none in it. */
export function parsePlan(json: unknown): ExecutionPlan {
  const candidate = typeof json === 'object' && json !== null && 'plan' in json ? json.plan : json;
  const result = v.safeParse(planSchema, candidate, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new KinoraError(
    'invalid-spec',
    `This is not a plan: ${v.getDotPath(issue) ?? 'it'} is missing or of the wrong kind.`,
    'Give a report that Kinora wrote (--json report.json).',
  );
}
