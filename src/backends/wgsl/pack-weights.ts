import { elementCount } from '../../graph/dims';
import type { WeightRef, WeightSource } from '../../graph/types';
import type { Gpu } from './gpu';
import type { WeightForm } from './kernel';
import { paddedChannels } from './lowering/conv2d';
import { toHalves } from './halves';
import { BLOCK_FORMATS, repackBlocks, type BlockFormat } from './repack-blocks';

/** A weight in GPU memory in the form its kernel reads. */
export interface PackedWeight {
  readonly data: GPUBuffer;
  /** Of quantized weights. */
  readonly scales?: GPUBuffer;
}

/** How a matrix is stored in GPU memory; see shaders/parts/packed-matrix.wgsl. */
export type MatrixFormat = { readonly kind: 'f32' } | { readonly kind: 'f16' } | { readonly kind: 'blocks'; readonly blocks: BlockFormat };

/** Blocks and halves stay as they are stored, so results are those of the stored weights; everything else becomes f32. */
export function matrixFormat({ type, shape }: WeightRef): MatrixFormat {
  const blocks = BLOCK_FORMATS[type];
  if (blocks && shape[1]! % blocks.weights === 0) return { kind: 'blocks', blocks };
  return { kind: type === 'F16' ? 'f16' : 'f32' };
}

/** Packs a matrix [N, K]. Rows are padded with zeros to whole vec4s. */
async function packMatrix(gpu: Gpu, ref: WeightRef, source: WeightSource): Promise<PackedWeight> {
  const [rows, columns] = ref.shape as readonly [number, number];
  const format = matrixFormat(ref);
  if (format.kind === 'blocks') {
    const { quants, scales } = repackBlocks(format.blocks, await source.read(ref.name), rows * columns);
    const data = upload(gpu, ref.name, quants);
    try {
      return { data, scales: upload(gpu, `${ref.name} scales`, scales) };
    } catch (error) {
      gpu.release(data);
      throw error;
    }
  }
  const padded = 4 * Math.ceil(columns / 4);
  if (format.kind === 'f16') {
    const bytes = await source.read(ref.name);
    const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
    const halves = new Uint16Array(aligned.buffer, aligned.byteOffset, rows * columns);
    return { data: upload(gpu, ref.name, padRows(halves, Uint16Array, rows, columns, padded)) };
  }
  return { data: upload(gpu, ref.name, padRows(await source.readF32(ref.name), Float32Array, rows, columns, padded)) };
}

/** A weight as plain f32, for biases, norms and tables used as values. */
async function packPlain(gpu: Gpu, ref: WeightRef, source: WeightSource): Promise<PackedWeight> {
  return { data: upload(gpu, ref.name, await source.readF32(ref.name)) };
}

/** A convolution [O, C, k, k] as [C, k, k, O], output channels padded with zeros. */
async function turnConvolution(ref: WeightRef, source: WeightSource): Promise<Float32Array<ArrayBuffer>> {
  const [outChannels, ...rest] = ref.shape as readonly [number, ...number[]];
  const taps = elementCount(rest);
  const padded = paddedChannels(outChannels);
  const values = await source.readF32(ref.name);
  const turned = new Float32Array(taps * padded);
  for (let o = 0; o < outChannels; o++) for (let tap = 0; tap < taps; tap++) turned[tap * padded + o] = values[o * taps + tap]!;
  return turned;
}

/** Puts a weight into GPU memory in the form its kernel reads. */
export async function packWeight(gpu: Gpu, ref: WeightRef, form: WeightForm, source: WeightSource): Promise<PackedWeight> {
  switch (form) {
    case 'plain':
      return packPlain(gpu, ref, source);
    case 'matrix':
      return packMatrix(gpu, ref, source);
    case 'convolution':
      return { data: upload(gpu, ref.name, await turnConvolution(ref, source)) };
    case 'convolution-f16':
      return { data: upload(gpu, ref.name, toHalves(await turnConvolution(ref, source))) };
  }
}

/** Bytes of GPU memory that a weight takes: of its data, and of its scales. */
export function packedBytes(ref: WeightRef, form: WeightForm): readonly number[] {
  const count = elementCount(ref.shape);
  if (form === 'plain') return [4 * count];
  if (form === 'convolution' || form === 'convolution-f16')
    return [(form === 'convolution' ? 4 : 2) * (count / ref.shape[0]!) * paddedChannels(ref.shape[0]!)];
  const format = matrixFormat(ref);
  if (format.kind === 'blocks') {
    const { bits, group, minima } = format.blocks;
    return [(count * bits) / 8, (count / group) * (minima ? 8 : 4)];
  }
  const [rows, columns] = ref.shape as readonly [number, number];
  return [rows * Math.ceil(columns / 4) * (format.kind === 'f16' ? 8 : 16)];
}

function padRows<T extends Uint16Array | Float32Array>(
  values: T,
  type: new (length: number) => T,
  rows: number,
  columns: number,
  padded: number,
): T {
  if (columns === padded) return values;
  const result = new type(rows * padded);
  for (let row = 0; row < rows; row++) result.set(values.subarray(row * columns, (row + 1) * columns), row * padded);
  return result;
}

function upload(gpu: Gpu, name: string, data: Uint8Array | Uint16Array | Float32Array): GPUBuffer {
  const buffer = gpu.buffer(data.byteLength, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST, name);
  // writeBuffer takes whole words only.
  const whole = data.byteLength % 4 === 0 ? data : padToWords(data);
  gpu.device.queue.writeBuffer(buffer, 0, whole.buffer as ArrayBuffer, whole.byteOffset, whole.byteLength);
  return buffer;
}

function padToWords(data: Uint8Array | Uint16Array | Float32Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
  padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return padded;
}
