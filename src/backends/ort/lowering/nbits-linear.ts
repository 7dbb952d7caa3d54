import type { WeightRef } from '../../../graph/types';
import { CONTRIB, int } from '../onnx/builder';
import type { LoweringContext, NodeOf } from './context';
import { BLOCK, repackBlocks } from './quantized-blocks';

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
  const packed = context.repacked(weight, 2, (bytes) => repackBlocks(bytes, bits));
  const data = context.onnx.weight(
    weight.name,
    `${bits} bits`,
    'UINT8',
    [outputs, blocks, (BLOCK * bits) / 8],
    async () => (await packed()).data,
  );
  const scales = context.onnx.weight(weight.name, `${bits} bits scales`, 'FLOAT', [outputs * blocks], async () => (await packed()).scales);
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
