import type { CompileOptions, Executor } from '../graph/executor';
import type { WeightSource } from '../graph/types';
import type { NoiseSource } from '../sampling/noise';
import type { EulerGrid, UnipcGrid } from '../sampling/schedules';

/** One decoded picture: `rgba` is [height, width, 4], opaque. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** One decoded picture as a video encoder takes it: I420, BT.709, limited range; Y [height, width], then Cb and Cr [height/2, width/2]. */
export interface PlanarFrame {
  readonly width: number;
  readonly height: number;
  readonly planes: Uint8Array<ArrayBuffer>;
}

/** Latents in host memory: f32, row-major [C, T, H, W]. */
export interface Latents {
  readonly data: Float32Array;
  readonly shape: readonly [channels: number, frames: number, height: number, width: number];
}

/** What the pipeline reads of a model's manifest; a `ModelManifest` fits. */
export interface PipelineConfig {
  /** The networks' own configuration files, as they are published. */
  readonly configs: {
    readonly transformer: Readonly<Record<string, unknown>>;
    readonly autoencoder: Readonly<Record<string, unknown>>;
    readonly textEncoder: Readonly<Record<string, unknown>>;
  };
  readonly text: {
    readonly encoder: 'minilm' | 'umt5';
    /** Rows of context that the transformer sees; longer prompts are cut, shorter ones padded with zero rows. */
    readonly length: number;
    /** The text that stands for "no prompt". */
    readonly empty: string;
  };
  /** `per latent frame`: known frames sit at noise level 0. `one`: they are re-noised and blended each step. */
  readonly timesteps: 'one' | 'per latent frame';
  /** Grids of noise levels that the model's samplers step on; default `plain` for Euler and `diffusers` for UniPC. */
  readonly sigmaGrids?: { readonly euler?: EulerGrid; readonly unipc?: UnipcGrid };
  /** Given where the transformer's output is preconditioned, not the velocity itself: the standard deviation of clean latents that it assumes (sampling/precondition.ts). */
  readonly sigmaData?: number;
  readonly latentRgb: { readonly matrix: readonly (readonly number[])[]; readonly bias: readonly number[] };
}

/** A model whose files are at hand. Weight names are canonical (see the networks). */
export interface PipelineModel {
  readonly manifest: PipelineConfig;
  readonly weights: { readonly textEncoder: WeightSource; readonly transformer: WeightSource; readonly autoencoder: WeightSource };
  /** The parsed tokenizer.json; for UMT5 from a GGUF file, its metadata (a Map) does as well. */
  readonly tokenizer: unknown;
}

/** Which executor runs which network; they may be one and the same. Executors stay the caller's to dispose of. */
export interface PipelineExecutors {
  readonly textEncoder: Executor;
  readonly transformer: Executor;
  readonly autoencoder: Executor;
}

/** A prompt, encoded once; what the transformer derives from it alone (keys and values of cross-attention) is kept with it. */
export interface EncodedPrompt {
  /** Tokens that the encoder saw, special ones included. */
  readonly tokens: number;
  /** The end of the prompt that did not fit, in the user's own characters, or null when everything fitted. */
  readonly truncated: string | null;
  /** f32 [text.length, textDim]; zero rows after the last token. */
  readonly context: Float32Array;
  dispose(): void;
}

export type SamplerName = 'euler' | 'unipc' | 'dmd' | 'rcm';

/** The part of a `GenerationSpec` that decides the latents, besides the prompt. */
export interface DenoiseSpec {
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /** 4n + 1. */
  readonly frames: number;
  readonly steps: number;
  readonly guidance: number;
  readonly sampler: SamplerName;
  readonly shift: number;
}

/** Where a loop stands after a finished step: enough to go on from. */
export interface DenoiseState {
  /** Steps finished. */
  readonly step: number;
  readonly latents: Latents;
  /** What a multistep sampler remembers, by name; empty for the others. Without it such a sampler starts again at first order. */
  readonly history?: Readonly<Record<string, Float32Array>>;
}

/** A small RGBA picture per latent frame, from the x0 estimate. */
export interface PreviewFrames {
  readonly width: number;
  readonly height: number;
  readonly frames: readonly Uint8ClampedArray<ArrayBuffer>[];
}

export interface StepReport {
  /** Steps finished, 1 and up, and in all. */
  readonly step: number;
  readonly steps: number;
  /** Wall time of this step. */
  readonly seconds: number;
  readonly preview: PreviewFrames;
  /** Keep the last one: after a stop or a lost device, `denoise({ start: state })` goes on from it. */
  readonly state: DenoiseState;
}

/** Frames that are given. `latents` has the clip's own shape; frame t counts where `mask[t]`. */
export interface KnownFrames {
  readonly latents: Latents;
  readonly mask: readonly boolean[];
}

export interface DenoiseRequest {
  readonly spec: DenoiseSpec;
  readonly context: EncodedPrompt;
  /** The negative (or empty) prompt; needed unless guidance is 1, and not run then. */
  readonly uncond?: EncodedPrompt;
  readonly known?: KnownFrames;
  /** Goes on from here instead of from noise. */
  readonly start?: DenoiseState;
  /** Default: torch's CPU generator under `spec.seed`; the start noise is drawn first, then the fresh noise of each step that needs one. */
  readonly noise?: NoiseSource;
  readonly signal?: AbortSignal;
  readonly onStep?: (report: StepReport) => void;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface DecodeOptions extends CallOptions {
  /** Decode in squares of so many latent pixels, each with `decoderReach` more round it. Default: whole frames. */
  readonly tile?: number;
}

/** A job whose memory is to be planned. */
export interface MemoryRequest {
  readonly spec: Pick<DenoiseSpec, 'guidance' | 'sampler' | 'steps' | 'shift'>;
  readonly shape: Latents['shape'];
  /** The prompt, and the negative one where there is guidance. */
  readonly prompts: readonly string[];
  /** Rows of context that the transformer sees. */
  readonly contextRows: number;
  readonly tile?: number | undefined;
}

/** GPU memory of a whole job, in bytes. */
export interface JobMemory {
  /** The most at once, all networks being kept loaded. */
  readonly peakBytes: number;
  /** The most at once with one network in memory at a time. */
  readonly leastBytes: number;
  /** The network that runs at the peak. */
  readonly peakIn: keyof PipelineExecutors;
  /** What each takes by itself while it runs: weights, intermediates, tensors. Those that run elsewhere are left out. */
  readonly networks: Readonly<Partial<Record<keyof PipelineExecutors, number>>>;
}

/** From a prompt to frames, on given executors. Every method rejects with a `KinoraError`; `aborted` when its signal fires. */
export interface Pipeline {
  /** Compiles every network now, instead of at its first use. Progress: bytes of weights over all networks. */
  load(options?: CompileOptions): Promise<void>;
  /** '' gives the model's "no prompt". */
  encodePrompt(text: string, options?: CallOptions): Promise<EncodedPrompt>;
  /** Mean of the text encoder's token states, of length 1: search by meaning. f32 [width]. */
  embed(text: string, options?: CallOptions): Promise<Float32Array>;
  /** Latents [C, T, H, W] of a spec: T = (frames - 1) / 4 + 1, H and W in latent pixels. Throws `invalid-spec` for sizes that the model can't make. */
  latentShape(spec: Pick<DenoiseSpec, 'width' | 'height' | 'frames'>): Latents['shape'];
  /**
   * The GPU memory that a clip will take, before anything is allocated; null where the executor does not know. Throws `out-of-memory` when a
   * piece that can't be divided is over the device's limits.
   */
  planMemory(
    spec: Pick<DenoiseSpec, 'width' | 'height' | 'frames' | 'guidance' | 'sampler' | 'steps' | 'shift'>,
    prompts: readonly [prompt: string, negativePrompt: string],
    options?: Pick<DecodeOptions, 'tile'>,
  ): JobMemory | null;
  denoise(request: DenoiseRequest): Promise<Latents>;
  /** Streams 4n + 1 frames, one latent frame at a time, in time order. */
  decode(latents: Latents, options?: DecodeOptions): AsyncGenerator<Frame, void, undefined>;
  /** As `decode`, planar where the executor makes such pictures itself: half the bytes of RGBA come back from a GPU, an eighth of the planes. */
  decodeForVideo(latents: Latents, options?: DecodeOptions): AsyncGenerator<Frame | PlanarFrame, void, undefined>;
  /** 4n + 1 frames of one size to latents: image-to-video, extend. */
  encodeFrames(frames: readonly Frame[], options?: CallOptions): Promise<Latents>;
  /** Latent pixels that a decoded pixel sees on either side: a tile smaller than the picture by twice this saves memory. */
  readonly decoderReach: number;
  /** Releases all networks but one; they compile again when they are needed. */
  keepOnly(network: keyof PipelineExecutors): Promise<void>;
  /** Releases the compiled networks; prompts are disposed of by whoever asked for them. */
  dispose(): Promise<void>;
}

/** `createPipeline`, in create-pipeline.ts. */
export type CreatePipeline = (options: { readonly executors: PipelineExecutors; readonly model: PipelineModel }) => Pipeline;
