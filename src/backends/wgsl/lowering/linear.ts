import type { WeightRef } from '../../../graph/types';
import type { Group } from '../fuse';
import type { Kernel, Operand } from '../kernel';
import { linearGroups } from '../kernel';
import type { PackedFormat } from '../pack-weights';
import { product, weightOperand, type LoweringContext } from './context';
import type { Node } from '../../../graph/types';

const ACTIVATIONS = { gelu: 'ACTIVATION_GELU', silu: 'ACTIVATION_SILU', relu: 'ACTIVATION_RELU' } as const;

/** Threads and tile of gemm.wgsl: 32 x 32 outputs a group. A software adapter pays for barriers, not for repeated loads. */
const TILE = { THREADS_M: 8, THREADS_N: 8, TILE_M: 4, TILE_N: 4, DEPTH: 4 };

/** The storage format that `packMatrix` gives a weight. */
export function matrixFormat(ref: WeightRef): PackedFormat {
  if (ref.type === 'Q8_0' && ref.shape[1]! % 32 === 0) return 'q8_0';
  return ref.type === 'F16' ? 'f16' : 'f32';
}

const FORMAT_DEFINES = { f32: 'WEIGHT_F32', f16: 'WEIGHT_F16', q8_0: 'WEIGHT_Q8_0' } as const;

export function lowerLinear(
  { linear, activation, residual, output }: Extract<Group, { kind: 'linear' }>,
  context: LoweringContext,
): readonly Kernel[] {
  const weight = linear.weights['weight']!;
  const bias = linear.weights['bias'];
  const [n, k] = weight.shape as readonly [number, number];
  const x = linear.inputs[0]!;
  const m = product(context.shape(x).slice(0, -1));
  const format = matrixFormat(weight);
  const reads: Record<number, Operand> = { 1: context.operand(x), 2: weightOperand(weight, true) };
  if (format === 'q8_0') reads[3] = weightOperand(weight, true, 'scales');
  if (bias) reads[4] = weightOperand(bias);
  let rowsPerGate = 1;
  if (residual) {
    const made = activation?.output ?? linear.output;
    reads[5] = context.operand(residual.inputs[0] === made ? residual.inputs[1]! : residual.inputs[0]!);
    if (residual.op === 'gatedAdd') {
      const gate = residual.inputs[2]!;
      reads[6] = context.operand(gate);
      rowsPerGate = m / context.shape(gate)[0]!;
    }
  }
  const name = activation
    ? activation.op === 'gelu' && activation.attributes.approximate === 'none'
      ? 'ACTIVATION_GELU_ERF'
      : ACTIVATIONS[activation.op]
    : 'ACTIVATION_NONE';
  return [
    {
      shader: 'gemm',
      defines: {
        ...TILE,
        [FORMAT_DEFINES[format]]: true,
        [name]: true,
        X_VEC4: k % 4 === 0,
        BIAS: bias !== undefined,
        RESIDUAL: residual !== undefined,
        GATED: residual?.op === 'gatedAdd',
        SHARED: !context.software,
      },
      reads,
      output: { binding: 7, value: output },
      params: [m, n, k, Math.ceil(k / 4), rowsPerGate],
      groups: [Math.ceil(n / (TILE.THREADS_N * TILE.TILE_N)), Math.ceil(m / (TILE.THREADS_M * TILE.TILE_M)), 1],
    },
  ];
}

export function lowerEmbedding(node: Extract<Node, { op: 'embedding' }>, context: LoweringContext): readonly Kernel[] {
  const table = node.weights['table']!;
  const [rows, width] = table.shape as readonly [number, number];
  const count = product(context.shape(node.inputs[0]!));
  const format = matrixFormat(table);
  const kp = Math.ceil(width / 4);
  const reads: Record<number, Operand> = { 1: context.operand(node.inputs[0]!), 2: weightOperand(table, true) };
  if (format === 'q8_0') reads[3] = weightOperand(table, true, 'scales');
  return [
    {
      shader: 'embedding',
      defines: { [FORMAT_DEFINES[format]]: true },
      reads,
      output: { binding: 4, value: node.output },
      params: [count, rows, width, kp],
      groups: linearGroups(count * kp, 64),
    },
  ];
}
