import type { Node, Value, WeightRef } from '../../../graph/types';
import type { Group } from '../fuse';
import { linearGroups, type Kernel, type Operand } from '../kernel';
import { matrixFormat, type MatrixFormat } from '../pack-weights';
import type { Defines } from '../preprocess';
import { weightPieces, type WeightPiece } from '../weight-pieces';
import { gemmConfigurations, rowClass } from '../tuning/gemm';
import { activationFunction } from './activation';
import { product, weightOperand, type LoweringContext } from './context';

function formatDefines(weight: WeightRef): Defines {
  const format = matrixFormat(weight);
  if (format.kind === 'f32') return { WEIGHT_F32: true, GROUP: 1 };
  if (format.kind === 'f16') return { WEIGHT_F16: true, GROUP: 1 };
  const { bits, group, minima, centre } = format.blocks;
  return { [bits === 8 ? 'WEIGHT_I8' : 'WEIGHT_I4']: true, QUANTIZED: true, GROUP: group / 4, MINIMA: minima, CENTRE: centre };
}

function matrixOperands(weight: WeightRef, piece: WeightPiece): Record<number, Operand> {
  const operands: Record<number, Operand> = { 2: weightOperand(weight, 'matrix', 'data', piece) };
  if (matrixFormat(weight).kind === 'blocks') operands[3] = weightOperand(weight, 'matrix', 'scales', piece);
  return operands;
}

/** int8 pays from some rows on, and conditioning vectors, few and far-reaching, stay exact. */
const isInt8 = (format: MatrixFormat, m: number) =>
  rowClass(m) !== 'few' && format.kind === 'blocks' && format.blocks.bits === 8 && format.blocks.group === 32;

/** f16, i4, i8g16: what a kernel class is named by. */
function formatName(format: MatrixFormat): string {
  return format.kind === 'blocks' ? `i${format.blocks.bits}g${format.blocks.group}` : format.kind;
}

/** The kernel that quantizes a linear's input, unless another linear has had it made; and the value it makes. */
function quantizeInput(x: Value, m: number, k: number, context: LoweringContext): { kernels: readonly Kernel[]; value: Value } {
  const operand = context.operand(x);
  const root = 'value' in operand && !operand.offset ? operand.value : x;
  const known = context.quantized.get(root);
  if (known) return { kernels: [], value: known };
  const blocks = (m * k) / 32;
  const value: Value = { id: -1 - context.quantized.size, shape: [blocks, 9], type: 'i32' };
  context.quantized.set(root, value);
  const kernel: Kernel = {
    shader: 'quantize',
    defines: {},
    reads: { 1: operand },
    output: { binding: 2, value },
    params: [blocks],
    groups: linearGroups(blocks, 64),
    work: 16 * m * k,
    split: {
      rows: blocks,
      rowBytes: { 1: 128, 2: 36 },
      part: (_, count) => ({ params: [count], groups: linearGroups(count, 64), work: 16 * 32 * count }),
    },
  };
  return { kernels: [kernel], value };
}

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
  const { configuration, tuning } = context.choose(
    `gemm.${formatName(format)}.${rowClass(m)}`,
    gemmConfigurations(context.traits, m, isInt8(format, m)),
  );
  const { arithmetic, shared, threadsM, threadsN, tileM, tileN, depth } = configuration;
  const int8 = arithmetic === 'int8';
  const quantized = int8 ? quantizeInput(x, m, k, context) : undefined;
  const reads: Record<number, Operand> = {
    1: quantized ? { value: quantized.value } : context.operand(x),
  };
  if (bias) reads[4] = weightOperand(bias);
  let rowsPerGate = 1;
  let gateStride = n;
  if (residual) {
    const made = activation?.output ?? linear.output;
    reads[5] = context.operand(residual.inputs[0] === made ? residual.inputs[1]! : residual.inputs[0]!);
    if (residual.op === 'gatedAdd') {
      const gate = residual.inputs[2]!;
      reads[6] = context.operand(gate);
      rowsPerGate = m / context.shape(gate)[0]!;
      gateStride = context.rowStride(gate);
    }
  }
  const rowBytes: Record<number, number> = { 1: int8 ? (k / 32) * 36 : 4 * k, 7: 4 * n };
  if (residual) rowBytes[5] = 4 * n;
  const kernelOf = (piece: WeightPiece): Kernel => {
    const part = (firstRow: number, rows: number) => ({
      params: [rows, n, k, Math.ceil(k / 4), rowsPerGate, 0, piece.rows, piece.first, firstRow, gateStride],
      groups: [Math.ceil(piece.rows / (threadsN * tileN)), Math.ceil(rows / (threadsM * tileM)), 1] as const,
      work: rows * piece.rows * k,
    });
    return {
      shader: int8 ? 'gemm-int8' : 'gemm',
      defines: {
        THREADS_M: threadsM,
        THREADS_N: threadsN,
        TILE_M: tileM,
        TILE_N: tileN,
        DEPTH: depth,
        HALF: arithmetic === 'f16',
        ELEMENT: arithmetic === 'f16' ? 'f16' : 'f32',
        ...formatDefines(weight),
        ...(activation ? { ACTIVATED: true, ACTIVATION: activationFunction(activation)! } : {}),
        X_VEC4: k % 4 === 0,
        BIAS: bias !== undefined,
        RESIDUAL: residual !== undefined,
        GATED: residual?.op === 'gatedAdd',
        SHARED: shared,
      },
      reads: { ...reads, ...matrixOperands(weight, piece) },
      output: { binding: 7, value: output },
      ...part(0, m),
      cut: { axis: 1, param: 5 },
      split: { rows: m, rowBytes, part },
      tuning,
    };
  };
  return [...(quantized?.kernels ?? []), ...weightPieces(weight, 'matrix', context.bindingBytes).map(kernelOf)];
}

export function lowerEmbedding(node: Extract<Node, { op: 'embedding' }>, context: LoweringContext): readonly Kernel[] {
  const table = node.weights['table']!;
  const [rows, width] = table.shape as readonly [number, number];
  const count = product(context.shape(node.inputs[0]!));
  const kp = Math.ceil(width / 4);
  return weightPieces(table, 'matrix', context.bindingBytes).map((piece): Kernel => {
    const part = (_: number, ids: number) => ({
      params: [ids, rows, width, kp, piece.first, piece.rows],
      groups: linearGroups(ids * kp, 64),
      work: 16 * ids * width,
    });
    return {
      shader: 'embedding',
      defines: formatDefines(table),
      reads: { 1: context.operand(node.inputs[0]!), ...matrixOperands(table, piece) },
      output: { binding: 4, value: node.output },
      ...part(0, count),
      split: { rows: count, rowBytes: { 1: 4, 4: 4 * width }, part },
    };
  });
}
