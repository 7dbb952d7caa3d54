import type { ExecutorPlan, KernelTiming, Precision } from '../graph/executor';
import type { ModelManifest } from '../weights/manifest';
import type { GenerationSpec, SpecInput } from './spec';

/** `wgsl`: Kinora's own kernels on WebGPU. The others are onnxruntime-web, on WebGPU and on the CPU. */
export const BACKENDS = ['wgsl', 'ort-webgpu', 'ort-wasm'] as const;
export type BackendName = (typeof BACKENDS)[number];
export const BACKEND_CHOICES = ['auto', ...BACKENDS] as const;
export type BackendChoice = (typeof BACKEND_CHOICES)[number];

/** The networks of a model: each may run on a backend of its own. */
export const NETWORKS = ['textEncoder', 'transformer', 'autoencoder'] as const;
export type NetworkBackends = Readonly<Record<(typeof NETWORKS)[number], BackendName>>;

/** How to run, as opposed to what to make (`GenerationSpec`). */
export interface RunOptions {
  readonly backend?: BackendChoice;
  readonly precision?: Precision;
  /** wasm threads; default: as many as the machine has, at most 8, and 1 where the page is not cross-origin isolated. */
  readonly threads?: number;
  /** A plan from an earlier report, to run the same arithmetic again; wins over the fields above. */
  readonly plan?: ExecutionPlan;
}

/** Everything that decides the bits of the latents besides the spec and the model. */
export interface ExecutionPlan {
  readonly requested: { readonly backend: BackendChoice; readonly precision: Precision };
  /** Why this backend was chosen, in one sentence for the user. */
  readonly reason: string;
  readonly textEncoder: ExecutorPlan;
  readonly transformer: ExecutorPlan;
  readonly autoencoder: ExecutorPlan;
}

export type Phase = 'download' | 'load' | 'encode-prompt' | 'denoise' | 'decode' | 'encode-video';
export const PHASES: readonly Phase[] = ['download', 'load', 'encode-prompt', 'denoise', 'decode', 'encode-video'];

export interface Progress {
  readonly phase: Phase;
  /** Work units done and in all, within this phase: bytes for `download` and `load`, steps for `denoise`, frames for `decode` and `encode-video`. */
  readonly done: number;
  readonly total: number;
  /** Share of the whole job, 0 to 1, never falling. */
  readonly fraction: number;
  /** Seconds left for the whole job, or null until there is something to judge by. */
  readonly etaSeconds: number | null;
  /** What the user should know meanwhile, for example that another tab is generating. */
  readonly note?: string;
  /** While loading: the GPU memory that the whole job will take, in bytes, before any of it is allocated. Left out where it is not known. */
  readonly plannedMemoryBytes?: number;
  /** After a denoising step: a small RGBA picture per latent frame, from the x0 estimate. */
  readonly preview?: Preview;
}

export interface Preview {
  readonly width: number;
  readonly height: number;
  /** One RGBA picture [height, width, 4] per latent frame, in time order. */
  readonly frames: readonly Uint8ClampedArray<ArrayBuffer>[];
}

/** GPU memory of a job on Kinora's own kernels, in bytes. */
export interface ReportedMemory {
  /** The planned peak, known before anything was allocated; with every network kept loaded, and with one in memory at a time. */
  readonly plannedBytes: number;
  readonly plannedLeastBytes: number;
  /** The most that was really allocated at once. */
  readonly peakBytes: number;
}

/** What was made, how, and how long it took. docs/report.schema.json describes its JSON form. */
export interface Report {
  readonly version: 1;
  /** Kinora's own version. */
  readonly kinora: string;
  readonly spec: GenerationSpec;
  readonly plan: ExecutionPlan;
  readonly model: {
    readonly id: string;
    readonly revision: string;
    readonly sha256: string;
    readonly files: readonly { readonly name: string; readonly sizeBytes: number; readonly sha256: string }[];
  };
  readonly prompt: { readonly tokens: number; readonly truncated: string | null };
  /** Seconds per phase, by phase name. */
  readonly seconds: Readonly<Partial<Record<Phase | 'total', number>>>;
  readonly stepSeconds: readonly number[];
  /** SHA-256 of the final latents: f32 little-endian bytes, [C, T, H, W]. */
  readonly latentsSha256: string;
  readonly latentsShape: readonly number[];
  readonly encoder: {
    readonly codec: string;
    readonly container: 'mp4' | 'webm';
    readonly hardwareAcceleration: string;
    readonly scale: number;
  };
  readonly clip: {
    readonly width: number;
    readonly height: number;
    readonly frames: number;
    readonly fps: number;
    readonly sizeBytes: number;
    readonly mimeType: string;
  };
  /** GPU memory in bytes; left out where none of Kinora's own kernels ran. */
  readonly memory?: ReportedMemory | undefined;
  /** Things the user should know: a prompt that was cut, a fallback that was taken. */
  readonly notes: readonly string[];
}

export interface Clip {
  readonly blob: Blob;
  readonly report: Report;
  /** Final latents, f32 [C, T, H, W] row-major; only when `keepLatents` was asked for. */
  readonly latents?: Float32Array;
  /** Decoded frames as RGBA, before video encoding; only when `keepFrames` was asked for. */
  readonly frames?: readonly Uint8ClampedArray<ArrayBuffer>[];
}

export interface GenerateOptions extends RunOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly keepLatents?: boolean;
  readonly keepFrames?: boolean;
  /** Whole-number upscale of the exported video: 1, 2 or 4. Default 1. */
  readonly exportScale?: 1 | 2 | 4;
  /** Goes on from `partial()` where its spec equals this one; starts afresh where there is nothing to go on from. */
  readonly resume?: boolean;
}

/** What `stop` leaves: the state after the last finished step, from which the job can go on. */
export interface PartialResult {
  readonly spec: GenerationSpec;
  readonly stepsDone: number;
  readonly latents: Float32Array;
  readonly shape: readonly number[];
}

/** Milliseconds that a network took on either backend; null where it could not be run. */
export type NetworkTimes = Readonly<Record<'wgsl', number> & Record<'ort-webgpu', number | null>>;

/** What was measured on this device, once, and is used from then on. */
export interface TuningReport {
  /** Adapter, browser and kernels that this holds for. */
  readonly key: string;
  readonly adapter: string;
  readonly precision: Precision;
  /** When, ISO 8601. */
  readonly measured: string;
  /** Every class of kernels: what each configuration took, and which was chosen. */
  readonly kernels: readonly KernelTiming[];
  /** One prompt, and two latent frames decoded. */
  readonly networks: Readonly<Record<'textEncoder' | 'autoencoder', NetworkTimes>>;
  /** What could not be measured, and why. */
  readonly problems: readonly string[];
}

export interface TuneProgress {
  readonly what: 'kernels' | 'networks';
  readonly done: number;
  readonly total: number;
}

export interface TuneCallOptions {
  readonly precision?: Precision;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TuneProgress) => void;
}

/** What this device offers, for the page to show. */
export interface Capabilities {
  readonly crossOriginIsolated: boolean;
  readonly threads: number;
  readonly webgpu: { readonly available: boolean; readonly adapter: string | null; readonly software: boolean; readonly reason: string };
  /** What `auto` runs here: `chosen` the denoising loop, `networks` each network; and why, in one sentence. */
  readonly backend: { readonly chosen: BackendName; readonly networks: NetworkBackends; readonly reason: string };
  /** What was measured here for Kinora's own kernels, by precision; null before it has been. */
  readonly tuning: Readonly<Record<Precision, TuningReport | null>>;
  /** Why measuring by itself, after a clip, came to nothing since the engine began; null where it did not. */
  readonly tuningProblem: string | null;
  readonly video: { readonly codec: string; readonly container: 'mp4' | 'webm' } | null;
  readonly storage: { readonly usedBytes: number; readonly quotaBytes: number; readonly persisted: boolean } | null;
}

export interface ModelStatus {
  readonly id: string;
  readonly name: string;
  readonly licence: string;
  readonly sizeBytes: number;
  readonly storedBytes: number;
  readonly complete: boolean;
}

/** The words a model was trained on: group (`subjects`, `places`, …) → id → phrases. */
export type Vocabulary = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** What a model says about itself. Small (manifest and vocabulary file, no weights), and at hand offline once its model is stored. */
export interface ModelDescription {
  readonly manifest: ModelManifest;
  readonly vocabulary: Vocabulary | null;
}

/** The engine that page, CLI and tests call. Every method rejects with a `KinoraError`. */
export interface Kinora {
  capabilities(): Promise<Capabilities>;
  models(): Promise<readonly ModelStatus[]>;
  /** A model's manifest (defaults, limits, licence) and vocabulary: what a page needs before any weights are there. */
  describe(modelId: string): Promise<ModelDescription>;
  /** Downloads and verifies a model; resumes an interrupted download. A no-op when it is stored. */
  download(modelId: string, options?: { signal?: AbortSignal; onProgress?: (progress: Progress) => void }): Promise<void>;
  /**
   * Hashes a stored model again, chunk by chunk; resolves to the bytes that are damaged or missing (0: it is whole). Those are dropped,
   * and a download fetches them alone.
   */
  verify(modelId: string, options?: { signal?: AbortSignal; onProgress?: (progress: Progress) => void }): Promise<number>;
  /** Removes a stored model; resolves to the bytes freed. */
  remove(modelId: string): Promise<number>;
  /**
   * Loads and compiles a stored model, so that the next clip begins at once; true when it is ready. Downloads nothing: false where the
   * model is not stored yet, or memory has no room for all of it at once. Takes its turn among the jobs.
   */
  prepare(modelId: string, options?: RunOptions): Promise<boolean>;
  /**
   * Measures this device for Kinora's own kernels, with the default model (downloaded if need be), on any adapter that there is. Takes its turn
   * among the jobs; the result is kept and used by the jobs after it. `auto` does it by itself after its first clip on a hardware adapter.
   */
  tune(options?: TuneCallOptions): Promise<TuningReport>;
  /** Jobs run one at a time, in the order they were asked for. */
  generate(spec: SpecInput, options?: GenerateOptions): Promise<Clip>;
  /**
   * The same frames as a video of another scale: decodes the clip's latents again (made with `keepLatents`) and encodes them
   * at `exportScale`; with `keepFrames`, also the frames as they were before encoding. `invalid-spec` where the clip has no latents.
   */
  exportClip(
    clip: Clip,
    options: RunOptions & {
      exportScale: 1 | 2 | 4;
      keepFrames?: boolean;
      signal?: AbortSignal;
      onProgress?: (progress: Progress) => void;
    },
  ): Promise<Clip>;
  /** The latents that the last stopped or failed job had finished, or null. Also after a reload of the page in the middle of a job. */
  partial(): Promise<PartialResult | null>;
  /**
   * The spec of the last job that was stopped, failed, or was cut off by a reload, even before its first step; null after a finished one.
   * Takes some seconds while another tab generates.
   */
  interruptedSpec(): Promise<GenerationSpec | null>;
  /** MiniLM sentence embedding [384], normalised: search by meaning. */
  embed(text: string): Promise<Float32Array>;
  dispose(): Promise<void>;
}
