import { elementCount } from '../../graph/dims';
import { readRows, readRowsF32 } from '../../graph/weights';
import type { Value, WeightRef, WeightSource } from '../../graph/types';
import type { Gpu } from './gpu';
import type { Operand, WeightForm } from './kernel';
import type { WeightPiece } from './weight-pieces';
import { paddedChannels } from './lowering/conv2d';
import { toHalves } from './halves';
import { BLOCK_FORMATS, repackBlocks, type BlockFormat } from './repack-blocks';

/** Rows of a weight in GPU memory, in the form their kernel reads. */
export interface PackedPiece {
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

/** Stored bytes that are read and packed at a time, about: what of a large matrix is in host memory twice. */
const CHUNK_BYTES = 32 * 2 ** 20;

/** Packs rows of a matrix [N, K], padded with zeros to whole vec4s; a part at a time, so that a large matrix is never in host memory whole. */
async function packMatrix(gpu: Gpu, ref: WeightRef, piece: WeightPiece, source: WeightSource): Promise<PackedPiece> {
  const [rows, columns] = ref.shape as readonly [number, number];
  const format = matrixFormat(ref);
  const made = piece.bytes.map((sizeBytes, index) =>
    gpu.buffer(sizeBytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST, index === 0 ? ref.name : `${ref.name} scales`),
  );
  try {
    const each = Math.max(1, Math.floor(CHUNK_BYTES / (source.info(ref.name).sizeBytes / rows)));
    for (let first = 0; first < piece.rows; first += each) {
      const count = Math.min(each, piece.rows - first);
      const parts = await packRows(piece.first + first, count);
      parts.forEach((part, index) => write(gpu, made[index]!, (piece.bytes[index]! / piece.rows) * first, part));
      gpu.check();
    }
    const [data, scales] = made;
    return { data: data!, ...(scales ? { scales } : {}) };
  } catch (error) {
    for (const buffer of made) gpu.release(buffer);
    throw error;
  }

  async function packRows(first: number, count: number): Promise<readonly (Uint8Array | Uint16Array | Float32Array)[]> {
    const padded = 4 * Math.ceil(columns / 4);
    const range = { first, count, rows };
    if (format.kind === 'blocks') {
      const { quants, scales } = repackBlocks(format.blocks, await readRows(source, ref.name, range), count * columns);
      return [quants, scales];
    }
    if (format.kind === 'f16') {
      const bytes = await readRows(source, ref.name, range);
      const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
      return [padRows(new Uint16Array(aligned.buffer, aligned.byteOffset, count * columns), Uint16Array, count, columns, padded)];
    }
    return [padRows(await readRowsF32(source, ref.name, range), Float32Array, count, columns, padded)];
  }
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

/** Puts a piece of a weight into GPU memory in the form its kernel reads. */
export async function packWeight(
  gpu: Gpu,
  ref: WeightRef,
  form: WeightForm,
  piece: WeightPiece,
  source: WeightSource,
): Promise<PackedPiece> {
  switch (form) {
    case 'plain': // biases, norms and tables used as values
      return { data: upload(gpu, ref.name, await source.readF32(ref.name)) };
    case 'matrix':
      return packMatrix(gpu, ref, piece, source);
    case 'convolution':
      return { data: upload(gpu, ref.name, await turnConvolution(ref, source)) };
    case 'convolution-f16':
      return { data: upload(gpu, ref.name, toHalves(await turnConvolution(ref, source))) };
  }
}

/** Bytes of what an operand binds. */
export function operandBytes(operand: Operand, valueBytes: (value: Value) => number): number {
  if (operand.sizeBytes !== undefined) return operand.sizeBytes;
  if ('value' in operand) return valueBytes(operand.value);
  return (operand.piece?.bytes ?? packedBytes(operand.weight, operand.form))[operand.part === 'scales' ? 1 : 0]!;
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
  write(gpu, buffer, 0, data);
  return buffer;
}

/** writeBuffer takes whole words only. */
function write(gpu: Gpu, buffer: GPUBuffer, offset: number, data: Uint8Array | Uint16Array | Float32Array): void {
  const whole = data.byteLength % 4 === 0 ? data : padToWords(data);
  gpu.device.queue.writeBuffer(buffer, offset, whole.buffer as ArrayBuffer, whole.byteOffset, whole.byteLength);
}

function padToWords(data: Uint8Array | Uint16Array | Float32Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
  padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return padded;
}
