import type * as Ort from 'onnxruntime-common';
import { elementCount, formatShape } from '../../graph/dims';
import type { DeviceTensor, Term } from '../../graph/executor';
import type { ElementType } from '../../graph/types';
import { KinoraError } from '../../errors';
import { internalError } from './errors';

export type HostData = Float32Array | Int32Array;

let live = 0;

/** Tensors that have not been disposed of: for tests of leaks. */
export function liveTensorCount(): number {
  return live;
}

/** A tensor of ONNX Runtime, in ordinary memory or in a GPU buffer. */
export class OrtTensor implements DeviceTensor {
  readonly shape: readonly number[];
  readonly type: ElementType;
  #tensor: Ort.Tensor | undefined;
  readonly #release: (() => void) | undefined;

  /** `release` frees what disposing of the tensor itself does not. */
  constructor(tensor: Ort.Tensor, release?: () => void) {
    this.#tensor = tensor;
    this.#release = release;
    this.shape = [...tensor.dims];
    this.type = tensor.type === 'int32' ? 'i32' : 'f32';
    live++;
  }

  get tensor(): Ort.Tensor {
    if (!this.#tensor) throw internalError('A tensor was used after it had been disposed of.');
    return this.#tensor;
  }

  dispose(): void {
    if (!this.#tensor) return;
    this.#tensor.dispose();
    this.#release?.();
    this.#tensor = undefined;
    live--;
  }
}

export function asOrtTensor(tensor: DeviceTensor): OrtTensor {
  if (!(tensor instanceof OrtTensor)) throw internalError('A tensor of another executor was passed to ONNX Runtime.');
  return tensor;
}

/** Checks that `data` fills `shape`. */
export function checkUpload(data: HostData, shape: readonly number[]): void {
  if (data.length !== elementCount(shape)) throw internalError(`${data.length} elements cannot be a tensor of ${formatShape(shape)}.`);
}

/** Σ coefficientᵢ · dataᵢ, summed in f64 in the given order and rounded once. */
export function combineOnHost(terms: readonly Term[], data: readonly HostData[]): Float32Array {
  const [first] = terms;
  if (!first) throw internalError('A combination needs at least one term.');
  const { shape } = first.tensor;
  const sums = new Float64Array(elementCount(shape));
  terms.forEach(({ tensor, coefficient }, index) => {
    if (tensor.type !== 'f32' || formatShape(tensor.shape) !== formatShape(shape))
      throw internalError(`${formatShape(tensor.shape)} cannot be combined with ${formatShape(shape)}.`);
    const values = data[index]!;
    for (let i = 0; i < sums.length; i++) sums[i]! += coefficient * values[i]!;
  });
  return Float32Array.from(sums);
}

/** Frames of [C, T, H, W] from `known` where the mask says so, else from `free`. */
export function selectFramesOnHost(shape: readonly number[], free: HostData, known: HostData, mask: readonly boolean[]): Float32Array {
  const [channels, frames, height, width] = shape as [number, number, number, number];
  if (shape.length !== 4 || free.length !== known.length || mask.length !== frames)
    throw new KinoraError(
      'invalid-graph',
      `Frames of ${formatShape(shape)} cannot be chosen by ${mask.length} flags.`,
      'This is a defect in Kinora; please report it.',
    );
  const chosen = Float32Array.from(free);
  const size = height * width;
  for (let c = 0; c < channels; c++)
    for (let t = 0; t < frames; t++) {
      const at = (c * frames + t) * size;
      if (mask[t]) chosen.set(known.subarray(at, at + size), at);
    }
  return chosen;
}
