import { elementCount } from '../../graph/dims';
import type { WeightRef, WeightSource } from '../../graph/types';
import type { Gpu } from './gpu';

/** How a packed matrix is stored; see shaders/gemm.wgsl. */
export type PackedFormat = 'f32' | 'f16' | 'q8_0';

/** A weight in GPU memory in the form its kernel reads. */
export interface PackedWeight {
  readonly format: PackedFormat;
  readonly data: GPUBuffer;
  /** One f32 per 32 weights, for `q8_0`. */
  readonly scales?: GPUBuffer;
}

const Q8_0_BYTES = 34; // f16 scale, then 32 signed bytes
const Q8_0_WEIGHTS = 32;

/**
 * Packs a matrix [N, K] for gemm.wgsl and embedding.wgsl. Q8_0 and F16 stay as they are stored, so results are those of the stored
 * weights; everything else becomes f32. Rows are padded with zeros to whole vec4s.
 */
export async function packMatrix(gpu: Gpu, ref: WeightRef, source: WeightSource): Promise<PackedWeight> {
  const [rows, columns] = ref.shape as readonly [number, number];
  if (ref.type === 'Q8_0' && columns % Q8_0_WEIGHTS === 0) return packQ8(gpu, ref.name, await source.read(ref.name), rows * columns);
  const vectors = Math.ceil(columns / 4);
  if (ref.type === 'F16') {
    const bytes = await source.read(ref.name);
    const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, rows * columns);
    return { format: 'f16', data: upload(gpu, ref.name, padRows(halves, Uint16Array, rows, columns, 4 * vectors)) };
  }
  return { format: 'f32', data: upload(gpu, ref.name, padRows(await source.readF32(ref.name), Float32Array, rows, columns, 4 * vectors)) };
}

/** A weight as plain f32, for biases, norms, convolutions and tables used as values. */
export async function packPlain(gpu: Gpu, ref: WeightRef, source: WeightSource): Promise<PackedWeight> {
  return { format: 'f32', data: upload(gpu, ref.name, await source.readF32(ref.name)) };
}

/** Bytes of GPU memory that a packed matrix takes. */
export function packedBytes(ref: WeightRef, plain: boolean): number {
  const [rows = 1, columns = 1] = ref.shape;
  if (plain) return 4 * elementCount(ref.shape);
  if (ref.type === 'Q8_0' && columns % Q8_0_WEIGHTS === 0) return rows * columns + (rows * columns) / 8;
  return rows * Math.ceil(columns / 4) * (ref.type === 'F16' ? 8 : 16);
}

function packQ8(gpu: Gpu, name: string, bytes: Uint8Array, count: number): PackedWeight {
  const blocks = count / Q8_0_WEIGHTS;
  const data = new Uint8Array(count);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const at = block * Q8_0_BYTES;
    scales[block] = halfToFloat(bytes[at]! | (bytes[at + 1]! << 8));
    data.set(bytes.subarray(at + 2, at + Q8_0_BYTES), block * Q8_0_WEIGHTS);
  }
  return { format: 'q8_0', data: upload(gpu, name, data), scales: upload(gpu, `${name} scales`, scales) };
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

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
