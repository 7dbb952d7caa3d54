/**
 * The vocabulary that networks are written in and backends lower: values, weights, nodes, graphs.
 * A graph is static single assignment in topological order; its weights are named references that a
 * backend loads (and packs) from a `WeightSource` when it compiles the graph.
 */

/**
 * A tensor dimension: a number, or a symbol known only when the graph runs. A symbol is a canonical
 * monomial such as `T`, `2*T` or `H*W` (see dims.ts); equal strings are equal dimensions.
 */
export type Dim = number | string;
export type Shape = readonly Dim[];

/** Element types of activations. Weights have many more (`WeightType`). */
export type ElementType = 'f32' | 'i32';

/** Storage types of weights: GGUF's and safetensors' names. */
export type WeightType =
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'F8_E4M3'
  | 'F8_E5M2'
  | 'Q4_0'
  | 'Q4_1'
  | 'Q5_0'
  | 'Q5_1'
  | 'Q8_0'
  | 'Q3_K'
  | 'Q4_K'
  | 'Q5_K'
  | 'Q6_K'
  | 'IQ4_NL'
  | 'I8'
  | 'I16'
  | 'I32'
  | 'I64'
  | 'F64';

export interface WeightInfo {
  readonly name: string;
  /** PyTorch order, outermost first: a linear is [out, in], a convolution [out, in, kh, kw]. */
  readonly shape: readonly number[];
  readonly type: WeightType;
  readonly sizeBytes: number;
}

/** Where a network's weights come from: a parsed file, a store, a test's random numbers. Names are canonical (diffusers/HF). */
export interface WeightSource {
  has(name: string): boolean;
  /** Throws `invalid-file` when the weight is missing, naming it. */
  info(name: string): WeightInfo;
  /** The stored bytes, as they are in the file (little-endian; quantized blocks as ggml lays them out). */
  read(name: string): Promise<Uint8Array>;
  /** The weight as f32, row-major in `info().shape`. */
  readF32(name: string): Promise<Float32Array>;
  /** A part of what `read` gives, and a part of whole blocks of what `readF32` gives, where a source can read parts: see `readRows`. */
  readonly parts?: {
    read(name: string, offsetBytes: number, sizeBytes: number): Promise<Uint8Array>;
    readF32(name: string, offsetBytes: number, sizeBytes: number): Promise<Float32Array>;
  };
}

/** An activation inside a graph. */
export interface Value {
  readonly id: number;
  readonly shape: Shape;
  readonly type: ElementType;
}

/** A weight inside a graph: its name in the WeightSource and the shape that the op needs. */
export interface WeightRef {
  readonly name: string;
  readonly shape: readonly number[];
  /** The storage type in the source at the time of building; lets a backend choose its kernel. */
  readonly type: WeightType;
}

/**
 * Attributes of every op, by op name. The inputs (in order) and the named weights are described beside
 * each; formulas, shapes and the reference implementation are in ops/<op>.ts.
 */
export interface OpAttributes {
  /** inputs []; weights { weight }: the weight as an f32 tensor of its own shape. */
  weight: Record<never, never>;
  /** inputs [x [..., in]]; weights { weight [out, in], bias? [out] } → [..., out]. */
  linear: Record<never, never>;
  /** inputs [ids i32 [...]]; weights { table [rows, width] } → [..., width]. */
  embedding: Record<never, never>;
  /** inputs [x [..., D]]; weights { weight? [D], bias? [D] }. Over the last axis. */
  layerNorm: { readonly eps: number };
  /** inputs [x [..., D]]; weights { weight [D] }. x / sqrt(mean(x²) + eps) · weight, over the last axis. */
  rmsNorm: { readonly eps: number };
  /** inputs [x [F, S, D], shift [F|1, 1, D], scale [F|1, 1, D]] → x · (1 + scale) + shift. */
  modulate: Record<never, never>;
  /** inputs [x [F, S, D], y [F, S, D], gate [F|1, 1, D]] → x + gate · y. */
  gatedAdd: Record<never, never>;
  /** inputs [a, b], NumPy broadcasting. */
  add: Record<never, never>;
  /** inputs [a, b], NumPy broadcasting. */
  mul: Record<never, never>;
  /** inputs [x] → x · factor. */
  scale: { readonly factor: number };
  /** inputs [x]: erf GELU ('none') or its tanh approximation. */
  gelu: { readonly approximate: 'none' | 'tanh' };
  silu: Record<never, never>;
  relu: Record<never, never>;
  tanh: Record<never, never>;
  clamp: { readonly min: number; readonly max: number };
  /** inputs [x [..., heads · dim], cos [..., dim / 2], sin [..., dim / 2]]; interleaved pairs (2i, 2i + 1) of every head are rotated. Leading axes are equal. */
  rope: { readonly heads: number };
  /**
   * inputs [q [..., heads · dim], k [..., heads · dim], v [..., heads · dim], bias? [heads, Nq, Nk]] → like q.
   * Leading axes are flattened into one sequence (Nq for q, Nk for k and v): every query sees every key.
   * softmax(scale · q·kᵀ + bias) · v, per head.
   */
  attention: { readonly heads: number; readonly scale: number };
  /** inputs [x [T, C, H, W]]; weights { weight [O, C, k, k], bias? [O] }; zero padding on every side. */
  conv2d: { readonly stride: number; readonly padding: number };
  /** inputs [x [T, C, H, W]] → [T, C, factor·H, factor·W]. */
  upsampleNearest: { readonly factor: number };
  /** inputs [x [T, C·r², H, W]] → [T, C, r·H, r·W], torch.nn.PixelShuffle's channel order. */
  pixelShuffle: { readonly factor: number };
  /** inputs [x [T, C, r·H, r·W]] → [T, C·r², H, W], the inverse. */
  pixelUnshuffle: { readonly factor: number };
  /** inputs [x [T, C, H, W], memory [1, C, H, W]] → [memory, x₀ … x_{T−2}]: each frame's predecessor. */
  shiftFrames: Record<never, never>;
  /** inputs [latents [C, T, H, W]] → [T, S, C·p²] (`merged`: [1, T·S, C·p²]); S = H/p · W/p in row order, features in (C, row, column) order. */
  patchify: { readonly patch: number; readonly merged: boolean };
  /** inputs [tokens [F, S, p²·C], like [C', T, H, W]] → [C, T, H, W]; features in (row, column, C) order; `like` only gives T, H, W. */
  unpatchify: { readonly patch: number };
  /** inputs [a, b, …], equal but for `axis`. */
  concat: { readonly axis: number };
  /** inputs [x] → x[start:end] on `axis`; negative counts from the end, as in Python. */
  slice: { readonly axis: number; readonly start: number; readonly end: number };
  /** inputs [x] → the same elements in `shape`. At most one dimension may be neither a number nor the input's dimension at the same index. */
  reshape: { readonly shape: Shape };
  transpose: { readonly permutation: readonly number[] };
}

export type OpName = keyof OpAttributes;

export type Node = {
  [Op in OpName]: {
    readonly op: Op;
    readonly attributes: OpAttributes[Op];
    readonly inputs: readonly Value[];
    readonly weights: Readonly<Record<string, WeightRef>>;
    readonly output: Value;
  };
}[OpName];

export interface GraphInput {
  readonly name: string;
  readonly value: Value;
}

/** One compilable piece of a network: a whole small network, or an embed, block or head of a large one. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphInput[];
  /** In topological order. */
  readonly nodes: readonly Node[];
}
