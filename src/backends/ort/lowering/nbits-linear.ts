import type { WeightRef } from '../../../graph/types';
import { CONTRIB, int } from '../onnx/builder';
import type { LoweringContext, NodeOf } from './context';

const BLOCK = 32;

/** Q8_0 and Q4_0 have MatMulNBits' own layout but for the order of bytes, so nothing is lost. */
export function suitsNBits(weight: WeightRef): boolean {
  return (weight.type === 'Q8_0' || weight.type === 'Q4_0') && weight.shape.length === 2 && weight.shape[1]! % BLOCK === 0;
}

/** y = x · weightᵀ + bias with the weight in blocks of 32 along `in`, unpacked inside the kernel. */
export function lowerNBitsLinear(context: LoweringContext, node: NodeOf<'linear'>): void {
  const weight = node.weights.weight!;
  const { bias } = node.weights;
  const [outputs, features] = weight.shape as [number, number];
  const bits = weight.type === 'Q8_0' ? 8 : 4;
  const blocks = features / BLOCK;
  let pending: Promise<NBitsWeight> | undefined;
  const load = () => (pending ??= context.source.read(weight.name).then((bytes) => repackBlocks(bytes, bits)));
  const data = context.onnx.weight(weight.name, `${bits} bits`, 'UINT8', [outputs, blocks, (BLOCK * bits) / 8], async () => (await load()).data);
  const scales = context.onnx.weight(weight.name, `${bits} bits scales`, 'FLOAT', [outputs * blocks], async () => {
    const made = await load();
    pending = undefined;
    return new Uint8Array(made.scales.buffer);
  });
  const inputs = [context.get(node.inputs[0]!, 'rows'), data, scales, ...(bias ? ['', '', context.weight(bias)] : [])];
  const attributes = [
    int('K', features),
    int('N', outputs),
    int('bits', bits),
    int('block_size', BLOCK),
    int('accuracy_level', context.choices.precision === 'fast' ? 4 : 0),
  ];
  context.set(node.output, 'rows', context.onnx.node('MatMulNBits', inputs, { domain: CONTRIB, attributes }));
}

interface NBitsWeight {
  readonly data: Uint8Array;
  readonly scales: Float32Array;
}

/**
 * ggml's blocks (an f16 scale, then 32 values) as MatMulNBits has them: scales apart, values offset to be unsigned
 * (zero point 128 or 8), and 4-bit values of neighbours in one byte where ggml pairs j with j + 16.
 */
export function repackBlocks(bytes: Uint8Array, bits: 8 | 4): NBitsWeight {
  const payload = (BLOCK * bits) / 8;
  const blocks = bytes.length / (2 + payload);
  const data = new Uint8Array(blocks * payload);
  const scales = new Float32Array(blocks);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let block = 0; block < blocks; block++) {
    const from = block * (2 + payload);
    const to = block * payload;
    scales[block] = halfToFloat(view.getUint16(from, true));
    if (bits === 8) for (let i = 0; i < payload; i++) data[to + i] = bytes[from + 2 + i]! ^ 0x80;
    else
      for (let i = 0; i < BLOCK / 4; i++) {
        const a = bytes[from + 2 + 2 * i]!;
        const b = bytes[from + 3 + 2 * i]!;
        data[to + i] = (a & 15) | ((b & 15) << 4);
        data[to + BLOCK / 4 + i] = (a >> 4) | (b & 0xf0);
      }
  }
  return { data, scales };
}

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
