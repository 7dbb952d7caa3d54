import { internalError } from '../errors';
import type { Value, WeightRef } from '../../../graph/types';
import { int } from '../onnx/builder';
import { DATA_TYPES } from '../onnx/model';
import type { LoweringContext, NodeOf } from './context';
import { BLOCK, repackBlocks } from './quantized-blocks';

/** A weight as a value. */
export function lowerWeight(context: LoweringContext, node: NodeOf<'weight'>): void {
  context.set(node.output, 'natural', context.weight(node.weights.weight!));
}

/** Rows of a table by id. */
export function lowerEmbedding(context: LoweringContext, node: NodeOf<'embedding'>): void {
  const [ids] = node.inputs as readonly [Value];
  const table = node.weights.table!;
  if (context.choices.provider === 'wasm' && table.type === 'Q8_0')
    return lowerQuantizedEmbedding(context, node.output, context.get(ids), table);
  context.set(node.output, 'natural', context.onnx.node('Gather', [context.weight(table), context.get(ids)]));
}

/**
 * A Q8_0 table stays as it is, a quarter of its size in f32: the ids' rows and their scales are gathered, and only those
 * multiplied out. The products are the very ones that dequantizing the table makes.
 */
function lowerQuantizedEmbedding(context: LoweringContext, output: Value, ids: string, table: WeightRef): void {
  const [rows, width] = table.shape as [number, number];
  const blocks = width / BLOCK;
  if (!Number.isInteger(blocks)) throw internalError(`The table ${table.name} is not made of whole blocks.`);
  const { onnx } = context;
  const packed = context.repacked(table, 2, (bytes) => repackBlocks(bytes, 8));
  const data = onnx.weight(table.name, 'blocks', 'UINT8', [rows, blocks, BLOCK], async () => (await packed()).data);
  const scales = onnx.weight(table.name, 'block scales', 'FLOAT', [rows, blocks, 1], async () => (await packed()).scales);
  const gathered = onnx.node('Cast', [onnx.node('Gather', [data, ids])], { attributes: [int('to', DATA_TYPES.FLOAT)] });
  const values = onnx.node('Mul', [onnx.node('Sub', [gathered, onnx.scalar(128)]), onnx.node('Gather', [scales, ids])]);
  context.set(output, 'rows', context.reshapeTo(values, [-1, width]));
}
