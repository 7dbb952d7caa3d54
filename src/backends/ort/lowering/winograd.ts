import type { Dim, Value, WeightRef } from '../../../graph/types';
import { int } from '../onnx/builder';
import type { LoweringContext, NodeOf } from './context';

/*
 * Winograd's F(4×4, 3×3): 36 products make 16 outputs of a 3×3 convolution where 144 are needed otherwise (Lavin & Gray,
 * "Fast Algorithms for Convolutional Neural Networks", 2015). Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A for a tile d of 6×6.
 *
 * The interpolation points 0, ±3/4, ±3/2, ∞ keep the f32 error at 4e-6 of the output's standard deviation (128 and 256
 * channels; a direct f32 sum has 1.3e-6, the usual points 0, ±1, ±2, ∞ have 1.4e-5).
 */
const TILE = 4;
const WINDOW = TILE + 2;
const POINTS = [0, 3 / 4, -3 / 4, 3 / 2, -3 / 2] as const;

const WINOGRAD = transforms();

export function suitsWinograd(node: NodeOf<'conv2d'>): boolean {
  const [outputs, channels, kernel] = node.weights.weight!.shape as [number, number, number, number];
  // With few channels the transforms cost more than the products that they save.
  return kernel === 3 && node.attributes.stride === 1 && node.attributes.padding === 1 && channels >= 32 && outputs >= 32;
}

export function lowerWinograd(context: LoweringContext, node: NodeOf<'conv2d'>): void {
  const [x] = node.inputs as readonly [Value];
  const { weight, bias } = node.weights;
  const [outputs, channels] = weight!.shape as [number, number];
  const [frames, , height, width] = node.output.shape as [Dim, number, Dim, Dim];
  const { onnx } = context;
  const rows = tileCount(context, height);
  const columns = tileCount(context, width);
  const concat = (parts: readonly string[]) => onnx.node('Concat', parts, { attributes: [int('axis', 0)] });
  const timesFour = (count: string) => onnx.node('Mul', [count, onnx.int64s([TILE])]);

  // Bᵀ d B, one axis at a time: the six rows that tiles share an offset in, then their columns.
  const padded = padToTiles(context, context.get(x, 'channelsLast'), height, width, rows, columns); // [T, 4h + 2, 4w + 2, C]
  const byRow = transform(context, WINOGRAD.input, stackOffsets(context, padded, 1)); // [6, T · h · (4w + 2) · C]
  const paddedWidth = onnx.node('Add', [timesFour(columns), onnx.int64s([2])]);
  const lines = onnx.node('Reshape', [byRow, concat([onnx.int64s([-1]), paddedWidth, onnx.int64s([channels])])]); // [6 · T · h, 4w + 2, C]
  const byColumn = transform(context, WINOGRAD.input, stackOffsets(context, lines, 1)); // [6, 6 · T · h · w · C]
  const windows = context.reshapeTo(byColumn, [WINDOW * WINDOW, -1, channels]); // [6 columns · 6 rows, tiles, C]

  const products = onnx.node('MatMul', [windows, winogradWeight(context, weight!)]); // [36, tiles, O]

  // Aᵀ … A, then tiles back in their places.
  const columnsDone = transform(context, WINOGRAD.output, products); // [4, 6 · tiles · O]
  const tiles = onnx.node('MatMul', [matrix(context, WINOGRAD.output), context.reshapeTo(columnsDone, [TILE, WINDOW, -1])]); // [4, 4, tiles · O]
  const split = onnx.node('Reshape', [
    tiles,
    concat([onnx.int64s([TILE, TILE]), context.dim(frames), rows, columns, onnx.int64s([outputs])]),
  ]);
  const placed = context.transpose(split, [2, 3, 1, 4, 0, 5]); // [T, h, 4, w, 4, O]
  const whole = concat([context.dim(frames), timesFour(rows), timesFour(columns), onnx.int64s([outputs])]);
  let result = onnx.node('Reshape', [placed, whole]);
  if (!divides(height) || !divides(width)) {
    const ends = concat([context.dim(height), context.dim(width)]);
    result = onnx.node('Slice', [result, onnx.int64s([0, 0]), ends, onnx.int64s([1, 2])]);
  }
  if (bias) result = onnx.node('Add', [result, context.weight(bias)]);
  context.set(node.output, 'channelsLast', result);
}

function divides(dim: Dim): boolean {
  return typeof dim === 'number' && dim % TILE === 0;
}

/** ⌈dim / 4⌉ as an int64 tensor of one element. */
function tileCount(context: LoweringContext, dim: Dim): string {
  if (typeof dim === 'number') return context.onnx.int64s([Math.ceil(dim / TILE)]);
  const { onnx } = context;
  return onnx.node('Div', [onnx.node('Add', [context.dim(dim), onnx.int64s([TILE - 1])]), onnx.int64s([TILE])]);
}

/** One row and column of zeros before, and enough after for whole tiles and their overlap. */
function padToTiles(context: LoweringContext, name: string, height: Dim, width: Dim, rows: string, columns: string): string {
  const { onnx } = context;
  if (typeof height === 'number' && typeof width === 'number') {
    const after = (size: number) => Math.ceil(size / TILE) * TILE - size + 1;
    return onnx.node('Pad', [name, onnx.int64s([0, 1, 1, 0, 0, after(height), after(width), 0])]);
  }
  const after = (dim: Dim, tiles: string) =>
    onnx.node('Sub', [onnx.node('Add', [onnx.node('Mul', [tiles, onnx.int64s([TILE])]), onnx.int64s([1])]), context.dim(dim)]);
  const pads = [onnx.int64s([0, 1, 1, 0, 0]), after(height, rows), after(width, columns), onnx.int64s([0])];
  return onnx.node('Pad', [name, onnx.node('Concat', pads, { attributes: [int('axis', 0)] })]);
}

/** Elements 0 … 5 of every tile along `axis` (tiles start every 4), one after the other on the first axis. */
function stackOffsets(context: LoweringContext, name: string, axis: number): string {
  const { onnx } = context;
  const elements = Array.from({ length: WINDOW }, (_, offset) => {
    // The axis has two elements more than whole tiles; only the last two offsets reach them.
    const end = offset < TILE ? -2 : TO_END;
    return onnx.node('Slice', [name, onnx.int64s([offset]), onnx.int64s([end]), onnx.int64s([axis]), onnx.int64s([TILE])]);
  });
  return onnx.node('Concat', elements, { attributes: [int('axis', 0)] });
}

const TO_END = 2 ** 31 - 1;

/** A transform along the first axis, which `name` holds as [6 · …]: [its rows, …]. */
function transform(context: LoweringContext, by: readonly (readonly number[])[], name: string): string {
  return context.onnx.node('MatMul', [matrix(context, by), context.reshapeTo(name, [WINDOW, -1])]);
}

function matrix(context: LoweringContext, rows: readonly (readonly number[])[]): string {
  return context.onnx.floats(rows.flat(), [rows.length, rows[0]!.length]);
}

/** G g Gᵀ of every filter, [6 columns · 6 rows, C, O], computed in f64. */
function winogradWeight(context: LoweringContext, weight: WeightRef): string {
  const [outputs, channels] = weight.shape as [number, number];
  return context.packedWeight(weight, 'winograd', [WINDOW * WINDOW, channels, outputs], (data) =>
    transformFilters(data, outputs, channels),
  );
}

function transformFilters(data: Float32Array, outputs: number, channels: number): Float32Array {
  const { filter } = WINOGRAD;
  const transformed = new Float32Array(WINDOW * WINDOW * channels * outputs);
  const half = new Float64Array(WINDOW * 3); // G g
  for (let c = 0; c < channels; c++)
    for (let o = 0; o < outputs; o++) {
      const from = (o * channels + c) * 9;
      for (let i = 0; i < WINDOW; i++)
        for (let b = 0; b < 3; b++) {
          const [g0, g1, g2] = filter[i] as [number, number, number];
          half[i * 3 + b] = g0 * data[from + b]! + g1 * data[from + 3 + b]! + g2 * data[from + 6 + b]!;
        }
      for (let j = 0; j < WINDOW; j++) {
        const [g0, g1, g2] = filter[j] as [number, number, number];
        for (let i = 0; i < WINDOW; i++)
          transformed[((j * WINDOW + i) * channels + c) * outputs + o] = half[i * 3]! * g0 + half[i * 3 + 1]! * g1 + half[i * 3 + 2]! * g2;
      }
    }
  return transformed;
}

/** Aᵀ [4, 6], G [6, 3] and Bᵀ [6, 6] by the Cook–Toom construction on POINTS and ∞. */
function transforms() {
  const finite = POINTS.length;
  const output = Array.from({ length: TILE }, (_, power) => [...POINTS.map((point) => point ** power), power === TILE - 1 ? 1 : 0]);
  const others = (index: number) => POINTS.filter((_, at) => at !== index);
  const filter = [
    ...POINTS.map((point, index) => {
      const scale = others(index).reduce((product, other) => product * (point - other), 1);
      return [1 / scale, point / scale, point ** 2 / scale];
    }),
    [0, 0, 1],
  ];
  const padded = (coefficients: readonly number[]) => [...coefficients, ...Array<number>(WINDOW - coefficients.length).fill(0)];
  const input = [...POINTS.map((_, index) => padded(polynomial(others(index)))), polynomial(POINTS)];
  // Each product's factors are scaled by a power of two, so that no row of Bᵀ is much larger than another.
  for (let row = 0; row <= finite; row++) {
    const size = 2 ** Math.round(Math.log2(input[row]!.reduce((sum, value) => sum + Math.abs(value), 0)));
    input[row] = input[row]!.map((value) => value / size);
    filter[row] = filter[row]!.map((value) => value * size);
  }
  return { output, filter, input };
}

/** Coefficients of ∏ (x − root), the constant first. */
function polynomial(roots: readonly number[]): number[] {
  return roots.reduce<number[]>((p, root) => [...p, 0].map((_, power) => (p[power - 1] ?? 0) - root * (p[power] ?? 0)), [1]);
}
