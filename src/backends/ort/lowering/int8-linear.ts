import type { Value, WeightRef } from '../../../graph/types';
import { CONTRIB } from '../onnx/builder';
import { asBytes, type LoweringContext, type NodeOf } from './context';

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

interface QuantizedActivations {
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

function quantize(context: LoweringContext, name: string): QuantizedActivations {
  const [data, scale, zeroPoint] = context.onnx.nodes('DynamicQuantizeLinear', [name], 3) as [string, string, string];
  return { data, scale, zeroPoint };
}

function int8Product(context: LoweringContext, x: QuantizedActivations, weight: WeightRef, bias: WeightRef | undefined): string {
  const [outputs, features] = weight.shape as [number, number];
  const packed = context.derived(weight, (data) => quantizeWeight(data, outputs, features));
  const data = context.onnx.weight(weight.name, 'int8', 'INT8', [features, outputs], async () => asBytes((await packed()).data));
  const scales = context.onnx.weight(weight.name, 'int8 scales', 'FLOAT', [outputs], async () => asBytes((await packed()).scales));
  const inputs = [x.data, data, x.scale, scales, x.zeroPoint, '', ...(bias ? [context.weight(bias)] : [])];
  return context.onnx.node('MatMulIntegerToFloat', bias ? inputs : inputs.slice(0, 5), { domain: CONTRIB });
}

const SQUARE = 64;

interface Int8Weight {
  /** [in, out] */
  readonly data: Int8Array;
  /** [out] */
  readonly scales: Float32Array;
}

/** Symmetric, one scale per output: |q| ≤ 127. */
function quantizeWeight(weight: Float32Array, outputs: number, features: number): Int8Weight {
  const data = new Int8Array(outputs * features);
  const scales = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    let largest = 0;
    for (let i = o * features; i < (o + 1) * features; i++) largest = Math.max(largest, Math.abs(weight[i]!));
    scales[o] = largest === 0 ? 1 : largest / 127;
  }
  // Transposed in squares that stay in the cache.
  for (let o = 0; o < outputs; o += SQUARE)
    for (let i = 0; i < features; i += SQUARE)
      for (let row = o; row < Math.min(o + SQUARE, outputs); row++) {
        const scale = scales[row]!;
        for (let column = i; column < Math.min(i + SQUARE, features); column++)
          data[column * outputs + row] = Math.round(weight[row * features + column]! / scale);
      }
  return { data, scales };
}
