import type { Value, WeightRef } from '../../graph/types';
import type { Defines } from './preprocess';
import type { ShaderName } from './shaders';
import type { KernelTuning } from './tuning/choice';
import type { WeightPiece } from './weight-pieces';

/** How a weight is packed: as it is in f32, as a matrix in its own format, or for a convolution with output channels innermost, in f32 or f16. */
export type WeightForm = 'plain' | 'matrix' | 'convolution' | 'convolution-f16';

/** What a kernel's binding is bound to: an activation, or a weight in GPU memory. */
export type Operand = ValueOperand | WeightOperand;

/** What of a buffer is bound. */
interface Stretch {
  /** Bytes from which on it is bound. */
  readonly offset?: number;
  /** Bytes that are bound; default: all behind the offset. */
  readonly sizeBytes?: number | undefined;
}

export interface ValueOperand extends Stretch {
  readonly value: Value;
}

export interface WeightOperand extends Stretch {
  readonly weight: WeightRef;
  readonly form: WeightForm;
  readonly part: 'data' | 'scales';
  /** Of a matrix that is kept in several buffers. */
  readonly piece?: WeightPiece;
}

/** minStorageBufferOffsetAlignment of every adapter. */
export const OFFSET_ALIGNMENT = 256;

/** Bytes from one kernel's uniform to the next: minUniformBufferOffsetAlignment of every adapter. */
export const PARAM_STRIDE = 256;

/** One word of a kernel's uniform: a u32, or an f32. */
export type Param = number | { readonly f32: number };

/** One dispatch, at concrete sizes. */
export interface Kernel {
  readonly shader: ShaderName;
  readonly defines: Defines;
  /** Binding number to operand; the uniform is always binding 0. */
  readonly reads: Readonly<Record<number, Operand>>;
  readonly output: ValueOperand & { readonly binding: number };
  /** What it reads and writes besides: what one dispatch hands on to the next that works at the same result. */
  readonly state?: ValueOperand & { readonly binding: number };
  readonly params: readonly Param[];
  readonly groups: readonly [x: number, y: number, z: number];
  /** About how many multiply-adds it does, for bounding submissions. */
  readonly work: number;
  /** How it may be cut into shorter dispatches: the axis of `groups`, and the parameter that says where a part begins. */
  readonly cut?: { readonly axis: 0 | 1; readonly param: number };
  /** How it may be divided where an operand is over the binding limit; see split-kernel.ts. */
  readonly split?: Split | undefined;
  /**
   * The dispatches that do the same with bindings of at most so many bytes, where rows do not do. Throws `out-of-memory` where that is less than it
   * can do with.
   */
  readonly divide?: ((bindingBytes: number) => readonly Kernel[]) | undefined;
  /** Of kernels that can run in several configurations. */
  readonly tuning?: KernelTuning;
}

/** A kernel whose result is rows that do not depend on each other (tokens, elements, frames): any stretch of them is a kernel of its own. */
export interface Split {
  readonly rows: number;
  /** Bytes of a row in every operand that is divided, by binding, the output's included. The others are bound whole. */
  readonly rowBytes: Readonly<Record<number, number>>;
  /** Where the first row begins in those that do not begin with it, in bytes, by binding. */
  readonly start?: Readonly<Record<number, number>>;
  /**
   * What is different in the kernel that does `count` rows from `first` on; `reads` are operands beyond those windows, `leads` the bytes in front
   * of the first row in a window, where `start` is not aligned.
   */
  part(
    first: number,
    count: number,
    leads: Readonly<Record<number, number>>,
  ): Pick<Kernel, 'params' | 'groups' | 'work'> & { readonly reads?: Kernel['reads'] };
}

const MAX_GROUPS = 65_535; // maxComputeWorkgroupsPerDimension of every adapter

/** Groups of a grid-strided kernel over `count` elements. */
export function linearGroups(count: number, groupSize: number): readonly [number, number, number] {
  return [Math.min(MAX_GROUPS, Math.max(1, Math.ceil(count / groupSize))), 1, 1];
}

/** `count` groups spread over two dimensions. */
export function squareGroups(count: number): readonly [number, number, number] {
  const x = Math.min(MAX_GROUPS, count);
  return [x, Math.ceil(count / x), 1];
}

/** A kernel's uniform as bytes. */
export function packParams(params: readonly Param[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(params.length / 4) * 16);
  const view = new DataView(bytes.buffer);
  params.forEach((param, index) => {
    if (typeof param === 'number') view.setUint32(4 * index, param, true);
    else view.setFloat32(4 * index, param.f32, true);
  });
  return bytes;
}
