import { KinoraError } from '../../src/errors';
import {
  PHASES,
  type Capabilities,
  type Clip,
  type GenerateOptions,
  type Kinora,
  type ModelDescription,
  type Progress,
  type Report,
} from '../../src/engine/types';
import type { GenerationSpec, SpecInput } from '../../src/engine/spec';

/** A model description of the shape that a manifest has, small enough to read. */
export const description = {
  manifest: {
    version: 1,
    id: 'storybook',
    name: 'Storybook',
    family: 'wan',
    licence: 'MIT',
    source: 'made for tests',
    revision: 'test',
    chunkSizeBytes: 1024,
    files: [],
    configs: { transformer: {}, autoencoder: {}, textEncoder: {} },
    text: { encoder: 'minilm', states: 'last_hidden_state', length: 48, padding: 'zero rows, no mask', empty: '' },
    timesteps: 'per latent frame',
    defaults: { width: 64, height: 64, frames: 17, fps: 8, steps: 8, guidance: 4, shift: 3, sampler: 'euler' },
    latentRgb: { matrix: [[], [], []], bias: [0, 0, 0] },
    limits: {
      width: { min: 32, max: 128, step: 16 },
      height: { min: 32, max: 128, step: 16 },
      frames: { min: 1, max: 33, step: 4 },
      fps: { min: 1, max: 30, step: 1 },
      steps: { min: 1, max: 50, step: 1 },
      guidance: { min: 1, max: 12, step: 0 },
      shift: { min: 1, max: 10, step: 0 },
    },
  },
  vocabulary: {
    subjects: { dog: ['dog', 'puppy'], fox: ['fox', 'red fox'], automobile: ['car', 'red car'], 'santa-claus': ['santa claus', 'santa'] },
    places: { beach: ['on the beach', 'by the sea', 'beach'], snow: ['in the snow', 'snow field'] },
    times: { night: ['at night', 'in the moonlight'] },
    motions: { jump: ['jumps', 'is jumping'], right: ['strolls to the right'] },
    cameras: { static: ['static camera'], zoom_in: ['camera zooms in', 'zoom in'] },
    looks: { flat: ['flat illustration'], pixel: ['pixel art', '8-bit style'] },
    weather: { clear: [] },
  },
} as unknown as ModelDescription;

export const capabilities: Capabilities = {
  crossOriginIsolated: true,
  threads: 2,
  webgpu: { available: false, adapter: null, software: false, reason: 'This browser has no WebGPU adapter.' },
  backend: {
    chosen: 'ort-wasm',
    networks: { textEncoder: 'ort-wasm', transformer: 'ort-wasm', autoencoder: 'ort-wasm' },
    reason: 'There is no GPU that the page can use, so the processor does the work.',
  },
  tuning: { exact: null, fast: null },
  tuningProblem: null,
  video: { codec: 'avc1.42001f', container: 'mp4' },
  storage: { usedBytes: 38_000_000, quotaBytes: 6_000_000_000, persisted: false },
};

export function reportFor(spec: SpecInput, overrides: Partial<Report> = {}): Report {
  const { defaults } = description.manifest;
  const full: GenerationSpec = { version: 1, model: 'storybook', negativePrompt: '', seed: 0, ...defaults, ...spec };
  const executor = {
    backend: 'ort-wasm',
    build: 'onnxruntime-web 1.30.0 wasm',
    precision: 'fast',
    threads: 2,
    adapter: null,
    variants: {},
  } as const;
  return {
    version: 1,
    kinora: '0.0.0',
    spec: full,
    plan: {
      requested: { backend: 'auto', precision: 'fast' },
      reason: capabilities.backend.reason,
      textEncoder: executor,
      transformer: executor,
      autoencoder: executor,
    },
    model: { id: 'storybook', revision: 'test', sha256: '0'.repeat(64), files: [] },
    prompt: { tokens: 9, truncated: null },
    seconds: { load: 1.2, 'encode-prompt': 0.1, denoise: 4, decode: 1, 'encode-video': 0.4, total: 6.7 },
    stepSeconds: Array.from({ length: full.steps }, () => 4 / full.steps),
    latentsSha256: '0'.repeat(64),
    latentsShape: [16, 5, 8, 8],
    encoder: { codec: 'avc1.42001f', container: 'mp4', hardwareAcceleration: 'no-preference', scale: 1 },
    clip: { width: full.width, height: full.height, frames: full.frames, fps: full.fps, sizeBytes: 12_345, mimeType: 'video/mp4' },
    notes: [],
    ...overrides,
  };
}

export interface FakeOptions {
  /** How long every unit of work takes; 0 yields to other tasks only. */
  readonly unitMs?: number;
  readonly stored?: boolean;
  readonly capabilities?: Capabilities;
  /** Thrown when this phase is reached. */
  readonly failAt?: { readonly phase: Progress['phase']; readonly error: KinoraError };
  readonly report?: Partial<Report>;
  /** What an earlier page left. */
  readonly unfinished?: { readonly spec: GenerationSpec; readonly stepsDone: number };
  /** Said once, before anything else: another tab has its turn. */
  readonly note?: string;
  readonly makeBlob?: (spec: GenerationSpec, scale: number) => Promise<Blob>;
  readonly drawPreview?: (frame: number, step: number, steps: number) => Uint8ClampedArray<ArrayBuffer>;
}

/** An engine that makes nothing but walks through every phase: for the page's own tests, and for working on it. */
export class FakeKinora implements Kinora {
  readonly specs: SpecInput[] = [];
  readonly resumes: boolean[] = [];
  readonly exports: number[] = [];
  options: FakeOptions;
  #stored: boolean;

  constructor(options: FakeOptions = {}) {
    this.options = options;
    this.#stored = options.stored ?? true;
  }

  async capabilities() {
    return this.options.capabilities ?? capabilities;
  }

  async models() {
    const sizeBytes = 38_123_456;
    return [
      { id: 'storybook', name: 'Storybook', licence: 'MIT', sizeBytes, storedBytes: this.#stored ? sizeBytes : 0, complete: this.#stored },
    ];
  }

  tune(): Promise<never> {
    return Promise.reject(new KinoraError('unsupported', 'There is no graphics device to measure.', 'Turn on graphics acceleration.'));
  }

  async describe(modelId: string) {
    if (modelId !== 'storybook') throw new KinoraError('invalid-spec', `There is no model ${modelId}.`, 'Take one of the list.');
    return description;
  }

  async download() {
    this.#stored = true;
  }

  /** What `verify` finds. */
  damagedBytes = 0;

  async verify() {
    return this.damagedBytes;
  }

  async remove() {
    this.#stored = false;
    return 38_123_456;
  }

  async generate(spec: SpecInput, { signal, onProgress, exportScale = 1, resume = false }: GenerateOptions = {}): Promise<Clip> {
    this.specs.push(spec);
    this.resumes.push(resume);
    const { note } = this.options;
    if (note !== undefined) {
      onProgress?.({ phase: 'load', done: 0, total: 0, fraction: 0, etaSeconds: null, note });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const { steps = 8, frames = 17 } = spec;
    const amounts = { download: 38_123_456, load: 38_123_456, 'encode-prompt': 1, denoise: steps, decode: frames, 'encode-video': frames };
    const shares = { download: 0.2, load: 0.1, 'encode-prompt': 0.02, denoise: 0.5, decode: 0.1, 'encode-video': 0.08 };
    let before = 0;
    for (const phase of PHASES) {
      if (phase === 'download' && this.#stored) {
        before += shares.download;
        continue;
      }
      if (this.options.failAt?.phase === phase) throw this.options.failAt.error;
      const units = phase === 'denoise' ? steps : 4;
      for (let unit = 0; unit <= units; unit += 1) {
        await new Promise((resolve) => setTimeout(resolve, unit === 0 ? 0 : (this.options.unitMs ?? 0)));
        if (signal?.aborted) throw new KinoraError('aborted', 'Stopped.', 'Start again whenever you like.');
        const fraction = before + (shares[phase] * unit) / units;
        const preview =
          phase === 'denoise' && unit > 0
            ? {
                width: 8,
                height: 8,
                frames: Array.from(
                  { length: 5 },
                  (_, frame) => this.options.drawPreview?.(frame, unit, steps) ?? new Uint8ClampedArray(8 * 8 * 4),
                ),
              }
            : undefined;
        onProgress?.({
          phase,
          done: Math.round((amounts[phase] * unit) / units),
          total: amounts[phase],
          fraction,
          etaSeconds: fraction > 0.25 ? (1 - fraction) * 8 : null,
          ...(preview ? { preview } : {}),
        });
      }
      before += shares[phase];
      if (phase === 'download') this.#stored = true;
    }
    return this.#clip(spec, exportScale);
  }

  async exportClip(clip: Clip, { exportScale }: { exportScale: 1 | 2 | 4 }) {
    this.exports.push(exportScale);
    return this.#clip(clip.report.spec, exportScale);
  }

  async partial() {
    const { unfinished } = this.options;
    return unfinished ? { ...unfinished, latents: new Float32Array(4), shape: [1, 1, 2, 2] } : null;
  }

  async interruptedSpec() {
    return this.options.unfinished?.spec ?? null;
  }

  prepared: string[] = [];

  async prepare(modelId: string) {
    this.prepared.push(modelId);
    return true;
  }

  async embed() {
    return new Float32Array(384);
  }

  async dispose() {}

  async #clip(spec: SpecInput, scale: number): Promise<Clip> {
    const report = reportFor(spec, this.options.report);
    return {
      blob: (await this.options.makeBlob?.(report.spec, scale)) ?? new Blob(['clip']),
      report: { ...report, encoder: { ...report.encoder, scale } },
    };
  }
}
