import type { Value, WeightRef } from '../../../graph/types';
import { CONTRIB } from '../onnx/builder';
import type { LoweringContext, NodeOf } from './context';

/**
 * Layers that stay in f32: they are small, and what they make steers every block. The rule that published quantized
 * files of these models follow as well (time and text embeddings, patch embedding, output head).
 */
const SENSITIVE = /(^|\.)(condition_embedder|patch_embedding|proj_out)\./;
/** Below this many weights a layer's f32 product takes less time than quantizing its input. */
const LEAST_WEIGHTS = 128 * 128;

export function suitsInt8(weight: WeightRef): boolean {
  const [outputs, features] = weight.shape as [number, number];
  return outputs * features >= LEAST_WEIGHTS && !SENSITIVE.test(weight.name);
}

/**
 * y ≈ x · weightᵀ + bias in int8: the weight has a scale per output, the activations one scale and zero point over the
 * whole tensor, found as they come. Layers that read the same activations share their quantized form.
 */
export function lowerInt8Linear(context: LoweringContext, node: NodeOf<'linear'>): void {
  const { weight, bias } = node.weights;
  const name = int8Product(context, quantizeRows(context, node.inputs[0]!), weight!, bias);
  context.set(node.output, 'rows', name);
}

export interface QuantizedActivations {
  readonly data: string;
  readonly scale: string;
  readonly zeroPoint: string;
}

const quantizedRows = new WeakMap<LoweringContext, Map<Value, QuantizedActivations>>();

function quantizeRows(context: LoweringContext, x: Value): QuantizedActivations {
  const cache = quantizedRows.get(context) ?? new Map<Value, QuantizedActivations>();
  quantizedRows.set(context, cache);
  const held = cache.get(x) ?? quantize(context, context.get(x, 'rows'));
  cache.set(x, held);
  return held;
}

export function quantize(context: LoweringContext, name: string): QuantizedActivations {
  const [data, scale, zeroPoint] = context.onnx.nodes('DynamicQuantizeLinear', [name], 3) as [string, string, string];
  return { data, scale, zeroPoint };
}

/** [rows, in] as int8 times a weight [out, …] of which all but the first axis make `in`, in the order of `order`. */
export function int8Product(
  context: LoweringContext,
  x: QuantizedActivations,
  weight: WeightRef,
  bias: WeightRef | undefined,
  order: (weight: Float32Array) => Float32Array = (data) => data,
  packing = 'int8',
): string {
  const outputs = weight.shape[0]!;
  const features = weight.shape.slice(1).reduce((product, dim) => product * dim, 1);
  // Both halves come from one pass over the weight, whichever is asked for first.
  let pending: Promise<Int8Weight> | undefined;
  const load = () => (pending ??= context.source.readF32(weight.name).then((data) => quantizeWeight(order(data), outputs, features)));
  const data = context.onnx.weight(weight.name, packing, 'INT8', [features, outputs], async () => new Uint8Array((await load()).data.buffer));
  const scales = context.onnx.weight(weight.name, `${packing} scales`, 'FLOAT', [outputs], async () => {
    const made = await load();
    pending = undefined;
    return new Uint8Array(made.scales.buffer);
  });
  const inputs = [x.data, data, x.scale, scales, x.zeroPoint, '', ...(bias ? [context.weight(bias)] : [])];
  return context.onnx.node('MatMulIntegerToFloat', bias ? inputs : inputs.slice(0, 5), { domain: CONTRIB });
}

interface Int8Weight {
  /** [in, out] */
  readonly data: Int8Array;
  /** [out] */
  readonly scales: Float32Array;
}

/** Symmetric, one scale per output: |q| ≤ 127. */
export function quantizeWeight(weight: Float32Array, outputs: number, features: number): Int8Weight {
  const data = new Int8Array(outputs * features);
  const scales = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const row = weight.subarray(o * features, (o + 1) * features);
    let largest = 0;
    for (const value of row) largest = Math.max(largest, Math.abs(value));
    const scale = largest === 0 ? 1 : largest / 127;
    scales[o] = scale;
    for (let i = 0; i < features; i++) data[i * outputs + o] = Math.round(row[i]! / scale);
  }
  return { data, scales };
}
