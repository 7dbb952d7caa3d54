import type { Node, Value, WeightRef } from '../../../graph/types';
import type { Group } from '../fuse';
import { linearGroups, type Kernel, type Operand } from '../kernel';
import { matrixFormat } from '../pack-weights';
import type { Defines } from '../preprocess';
import { activationFunction } from './activation';
import { product, weightOperand, type LoweringContext } from './context';

/** Threads of a group, and the register tile of each. */
interface GemmTile {
  readonly THREADS_M: number;
  readonly THREADS_N: number;
  readonly TILE_M: number;
  readonly TILE_N: number;
}

/** On a CPU: few threads, large tiles, since registers are what is cheap there. Measured in docs/wgsl-notes.md. */
const SOFTWARE_TILE: GemmTile = { THREADS_M: 2, THREADS_N: 4, TILE_M: 8, TILE_N: 8 };
/** 64 x 64 outputs a group through (64 + 64) · 4 · 16 = 8 KiB of workgroup memory. */
const HARDWARE_TILE: GemmTile = { THREADS_M: 8, THREADS_N: 8, TILE_M: 8, TILE_N: 8 };
const DEPTH = 4;

/** The tile for products of `m` rows: none of its rows are wasted on a few rows (conditioning vectors). */
function gemmTile(m: number, software: boolean): GemmTile {
  const tile = software ? SOFTWARE_TILE : HARDWARE_TILE;
  if (m >= tile.THREADS_M * tile.TILE_M) return tile;
  const threads = software ? 1 : tile.THREADS_M;
  const rows = Math.ceil(m / threads);
  return { ...tile, THREADS_M: threads, TILE_M: rows <= 1 ? 1 : rows <= 2 ? 2 : rows <= 4 ? 4 : 8 };
}

function formatDefines(weight: WeightRef): Defines {
  const format = matrixFormat(weight);
  if (format.kind === 'f32') return { WEIGHT_F32: true, GROUP: 1 };
  if (format.kind === 'f16') return { WEIGHT_F16: true, GROUP: 1 };
  const { bits, group, minima, centre } = format.blocks;
  return { [bits === 8 ? 'WEIGHT_I8' : 'WEIGHT_I4']: true, QUANTIZED: true, GROUP: group / 4, MINIMA: minima, CENTRE: centre };
}

function matrixOperands(weight: WeightRef): Record<number, Operand> {
  const operands: Record<number, Operand> = { 2: weightOperand(weight, 'matrix') };
  if (matrixFormat(weight).kind === 'blocks') operands[3] = weightOperand(weight, 'matrix', 'scales');
  return operands;
}

/** int8 pays from a few rows on, and conditioning vectors, few and far-reaching, stay exact. */
const INT8_ROWS = 8;

/** The kernel that quantizes a linear's input, unless another linear has had it made; and the value it makes. */
function quantizeInput(x: Value, m: number, k: number, context: LoweringContext): { kernels: readonly Kernel[]; value: Value } {
  const operand = context.operand(x);
  const root = 'value' in operand ? operand.value : x;
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
  const int8 = context.int8 && m >= INT8_ROWS && format.kind === 'blocks' && format.blocks.bits === 8 && format.blocks.group === 32;
  const quantized = int8 ? quantizeInput(x, m, k, context) : undefined;
  const reads: Record<number, Operand> = {
    1: quantized ? { value: quantized.value } : context.operand(x),
    ...matrixOperands(weight),
  };
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
  const tile = gemmTile(m, context.software);
  return [
    ...(quantized?.kernels ?? []),
    {
      shader: int8 ? 'gemm-int8' : 'gemm',
      defines: {
        ...tile,
        DEPTH,
        ...formatDefines(weight),
        ...(activation ? { ACTIVATED: true, ACTIVATION: activationFunction(activation)! } : {}),
        X_VEC4: k % 4 === 0,
        BIAS: bias !== undefined,
        RESIDUAL: residual !== undefined,
        GATED: residual?.op === 'gatedAdd',
        SHARED: !context.software,
      },
      reads,
      output: { binding: 7, value: output },
      params: [m, n, k, Math.ceil(k / 4), rowsPerGate, 0],
      groups: [Math.ceil(n / (tile.THREADS_N * tile.TILE_N)), Math.ceil(m / (tile.THREADS_M * tile.TILE_M)), 1],
      work: m * n * k,
      cut: { axis: 1, param: 5 },
    },
  ];
}

export function lowerEmbedding(node: Extract<Node, { op: 'embedding' }>, context: LoweringContext): readonly Kernel[] {
  const table = node.weights['table']!;
  const [rows, width] = table.shape as readonly [number, number];
  const count = product(context.shape(node.inputs[0]!));
  const kp = Math.ceil(width / 4);
  return [
    {
      shader: 'embedding',
      defines: formatDefines(table),
      reads: { 1: context.operand(node.inputs[0]!), ...matrixOperands(table) },
      output: { binding: 4, value: node.output },
      params: [count, rows, width, kp],
      groups: linearGroups(count * kp, 64),
      work: 16 * count * width,
    },
  ];
}
