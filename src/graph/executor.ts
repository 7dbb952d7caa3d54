import type { InputShape } from './bindings';
import type { ElementType, Graph, WeightSource } from './types';

/**
 * A tensor that an executor owns; it may live on a GPU. Its creator disposes of it. A disposed tensor
 * must not be used again.
 */
export interface DeviceTensor {
  readonly shape: readonly number[];
  readonly type: ElementType;
  dispose(): void;
}

/** `exact`: f32 arithmetic on the stored weights. `fast`: int8 or f16 arithmetic within a published error budget. */
export type Precision = 'exact' | 'fast';

/** What a report needs to know about an executor to run the same arithmetic again. */
export interface ExecutorPlan {
  /** For example `reference`, `ort-wasm`, `ort-webgpu`, `wgsl`. */
  readonly backend: string;
  /** Library and build, for example `onnxruntime-web 1.30.0 wasm`. */
  readonly build: string;
  readonly precision: Precision;
  readonly threads: number;
  /** GPU adapter in words, or null where none is used. */
  readonly adapter: string | null;
  /** Kernel variants and lowering choices that change the arithmetic, by name. */
  readonly variants: Readonly<Record<string, string | number | boolean>>;
}

export interface CompileOptions {
  readonly signal?: AbortSignal;
  /** Called as weights arrive: bytes of this graph's weights loaded so far, and in all. */
  readonly onProgress?: (loadedBytes: number, totalBytes: number) => void;
}

/** A graph with its weights, ready to run. Runs are serialised by the executor. */
export interface CompiledGraph {
  readonly graph: Graph;
  /**
   * Runs the graph. Inputs stay the caller's; outputs become the caller's to dispose of.
   * Throws `invalid-graph` when an input is missing or its shape does not fit.
   */
  run(inputs: Readonly<Record<string, DeviceTensor>>): Promise<Record<string, DeviceTensor>>;
  dispose(): Promise<void>;
}

/** The linear map from latents to colours in [0, 1]: matrix [3, C] and bias [3]. */
export interface LatentColours {
  readonly matrix: readonly (readonly number[])[];
  readonly bias: readonly number[];
}

export interface Term {
  readonly tensor: DeviceTensor;
  readonly coefficient: number;
}

/** What the configurations of one class of kernels took on this device, and which was chosen. */
export interface KernelTiming {
  /** The class: kernel, format of the weights, size class. */
  readonly key: string;
  /** Sizes that were measured, for a product of matrices rows, columns and depth. */
  readonly sizes: readonly number[];
  readonly byDefault: string;
  readonly chosen: string;
  readonly timings: readonly { readonly configuration: string; readonly ms: number }[];
  /** Configurations that the GPU refused. */
  readonly refused: readonly string[];
}

/** GPU memory that running a graph takes, in bytes. */
export interface MemoryEstimate {
  readonly weightBytes: number;
  readonly intermediateBytes: number;
  /** The parts of `intermediateBytes`, largest first: graphs that take turns share memory rank by rank. */
  readonly slotBytes: readonly number[];
  readonly paramBytes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

/** What an executor has allocated on a GPU. */
export interface AllocatedMemory {
  readonly liveBytes: number;
  /** The most that was alive at once. */
  readonly peakBytes: number;
}

export interface TuneOptions {
  readonly signal?: AbortSignal | undefined;
  /** Classes of kernels done, and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Begins no further class after this long. Default 30 s. */
  readonly budgetMs?: number;
}

/** Runs graphs. Three of them: `reference` (tests), `ort` (wasm and WebGPU), `wgsl`. */
export interface Executor {
  readonly plan: ExecutorPlan;
  compile(graph: Graph, weights: WeightSource, options?: CompileOptions): Promise<CompiledGraph>;
  /** Copies host data in. `data.length` must be the product of `shape`. */
  upload(data: Float32Array | Int32Array, shape: readonly number[]): DeviceTensor;
  /** Copies a tensor out. */
  download(tensor: DeviceTensor): Promise<Float32Array | Int32Array>;
  /** Copies several tensors out with one wait, where one for each would cost more. */
  downloadAll?(tensors: readonly DeviceTensor[]): Promise<(Float32Array | Int32Array)[]>;
  /**
   * Σ coefficientᵢ · tensorᵢ over f32 tensors of one shape: sampler updates and guidance.
   * Summed in the given order, so that equal calls give equal bits.
   */
  combine(terms: readonly Term[]): Promise<DeviceTensor>;
  /**
   * Latents [C, T, H, W] whose frame t comes from `known` where `mask[t]`, else from `free`: how given frames are held.
   */
  selectFrames(free: DeviceTensor, known: DeviceTensor, mask: readonly boolean[]): Promise<DeviceTensor>;
  /** Where tensors live on a GPU: latents [C, T, h, w] as RGBA pixels, [T, h, w] of i32: rgb = matrix [3, C] · latents + bias, in [0, 1]. */
  toPreview?(latents: DeviceTensor, colours: LatentColours): Promise<DeviceTensor>;
  /** Where tensors live on a GPU: frames [T, 3, H, W] as the bytes of I420 pictures (BT.709, limited range), [T, words] of i32, whole words a frame. */
  toI420?(frames: DeviceTensor): Promise<DeviceTensor>;
  /**
   * Where an executor allocates GPU memory itself: what a graph will take for inputs of these shapes, before anything is allocated. Throws
   * `out-of-memory` when a piece that can't be divided is over the device's limits.
   */
  estimateMemory?(graph: Graph, inputs: Readonly<Record<string, InputShape>>): MemoryEstimate;
  /** What it has allocated; `restart` counts the peak from now on. */
  readonly memory?: { current(): AllocatedMemory; restart(): void };
  /**
   * Where kernels have configurations: times them for the graphs that have been run, at their sizes. The executor itself goes on as it was made:
   * what is chosen is for the next one.
   */
  tune?(options?: TuneOptions): Promise<KernelTiming[]>;
  dispose(): Promise<void>;
}
