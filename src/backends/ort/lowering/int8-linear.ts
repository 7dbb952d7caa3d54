import type { Value, WeightRef } from '../../../graph/types';
import { CONTRIB, int, type OnnxBuilder } from '../onnx/builder';
import { DATA_TYPES } from '../onnx/model';
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
 * y ≈ x · weightᵀ + bias in int8: the weight has a scale per output, the activations a scale per row, found as they
 * come, so that no row changes another. Layers that read the same activations share their quantized form.
 */
export function lowerInt8Linear(context: LoweringContext, node: NodeOf<'linear'>): void {
  const { onnx } = context;
  const { weight, bias } = node.weights;
  const [outputs, features] = weight!.shape as [number, number];
  const x = quantizeRows(context, node.inputs[0]!);
  const packed = context.derived(weight!, x.zeroPoints === undefined ? 2 : 3, (values) => quantizeWeight(values, outputs, features));
  const data = onnx.weight(weight!.name, 'int8', 'INT8', [features, outputs], async () => asBytes((await packed()).data));
  const scales = onnx.weight(weight!.name, 'int8 scales', 'FLOAT', [outputs], async () => asBytes((await packed()).scales));
  const zeroPoint = onnx.uint8(x.zeroPoints === undefined ? SIGNED_ZERO : 0);
  let sum = onnx.node('MatMulIntegerToFloat', [x.data, data, onnx.scalar(1), scales, zeroPoint], { domain: CONTRIB });
  if (x.zeroPoints !== undefined) {
    // Σ (q − z) · w = Σ q · w − z · Σ w
    const totals = onnx.weight(weight!.name, 'int8 totals', 'FLOAT', [1, outputs], async () => asBytes((await packed()).totals));
    sum = onnx.node('Sub', [sum, onnx.node('Mul', [x.zeroPoints, totals])]);
  }
  const scaled = onnx.node('Mul', [sum, x.scales]);
  context.set(node.output, 'rows', bias ? onnx.node('Add', [scaled, context.weight(bias)]) : scaled);
}

/** Signed values are stored with this added: ONNX Runtime's WebAssembly kernel for signed × signed is ten times slower. */
const SIGNED_ZERO = 128;
/** Rows of zeros need a scale to divide by. */
const LEAST_SCALE = 1e-20;

interface QuantizedRows {
  /** uint8 [rows, features] */
  readonly data: string;
  /** [rows, 1] */
  readonly scales: string;
  /** What zero is stored as in each row, as f32 [rows, 1]; undefined where it is `SIGNED_ZERO` in all. */
  readonly zeroPoints: string | undefined;
}

const quantizedRows = new WeakMap<LoweringContext, Map<Value, QuantizedRows>>();

function quantizeRows(context: LoweringContext, x: Value): QuantizedRows {
  const cache = quantizedRows.get(context) ?? new Map<Value, QuantizedRows>();
  quantizedRows.set(context, cache);
  const name = context.get(x, 'rows');
  const held = cache.get(x) ?? (context.isLopsided(x) ? quantizeLopsided(context, name) : quantizeEven(context, x, name));
  cache.set(x, held);
  return held;
}

/**
 * Values about as far below zero as above it: zero in the middle of the range. A row of zeros has the scale 0: whatever
 * it is stored as, its products come to 0 · (a whole number).
 */
function quantizeEven(context: LoweringContext, x: Value, name: string): QuantizedRows {
  const { onnx } = context;
  const largest = reduce(onnx, 'ReduceMax', onnx.node('Abs', [name]));
  const scales = onnx.node('Mul', [largest, onnx.scalar(1 / 127)]); // [rows, 1]
  const zeroPoints = context.once(`${SIGNED_ZERO} for every row of ${x.shape.slice(0, -1).join(',')}`, () =>
    onnx.node('Expand', [onnx.uint8(SIGNED_ZERO), onnx.node('Shape', [name], { attributes: [int('start', 0), int('end', 1)] })]),
  );
  return {
    data: onnx.node('QuantizeLinear', [name, flatten(onnx, scales), zeroPoints], { attributes: [int('axis', 0)] }),
    scales,
    zeroPoints: undefined,
  };
}

/** Values mostly on one side of zero, as after GELU: half the range would be lost, so every row has a zero point of its own. */
function quantizeLopsided({ onnx }: LoweringContext, name: string): QuantizedRows {
  const zero = onnx.scalar(0);
  const lowest = onnx.node('Min', [reduce(onnx, 'ReduceMin', name), zero]); // [rows, 1]
  const highest = onnx.node('Max', [reduce(onnx, 'ReduceMax', name), zero]);
  const width = onnx.node('Mul', [onnx.node('Sub', [highest, lowest]), onnx.scalar(1 / 255)]);
  const scales = onnx.node('Max', [width, onnx.scalar(LEAST_SCALE)]);
  const zeroPoints = onnx.node('Round', [onnx.node('Neg', [onnx.node('Div', [lowest, scales])])]);
  const stored = onnx.node('Cast', [flatten(onnx, zeroPoints)], { attributes: [int('to', DATA_TYPES.UINT8)] });
  return { data: onnx.node('QuantizeLinear', [name, flatten(onnx, scales), stored], { attributes: [int('axis', 0)] }), scales, zeroPoints };
}

/** [rows, 1] → [rows] */
function flatten(onnx: OnnxBuilder, name: string): string {
  return onnx.node('Reshape', [name, onnx.int64s([-1])]);
}

function reduce(onnx: OnnxBuilder, op: 'ReduceMin' | 'ReduceMax', name: string): string {
  return onnx.node(op, [name, onnx.int64s([-1])], { attributes: [int('keepdims', 1)] });
}

const SQUARE = 64;

interface Int8Weight {
  /** [in, out] */
  readonly data: Int8Array;
  /** [out] */
  readonly scales: Float32Array;
  /** [out]: the sum of an output's dequantized weights. */
  readonly totals: Float32Array;
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
  const totals = new Float32Array(outputs);
  for (let i = 0; i < features; i++) for (let o = 0; o < outputs; o++) totals[o]! += data[i * outputs + o]!; // whole numbers: exact
  for (let o = 0; o < outputs; o++) totals[o]! *= scales[o]!;
  return { data, scales, totals };
}
