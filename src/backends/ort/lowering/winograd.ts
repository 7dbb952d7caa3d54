import { evaluateDim, type Bindings } from '../../../graph/dims';
import type { Dim, Value, WeightRef } from '../../../graph/types';
import { int } from '../onnx/builder';
import type { LoweringContext, NodeOf } from './context';
import { TILE, transformFilters, WINDOW, WINOGRAD } from './winograd-transforms';

export function suitsWinograd(node: NodeOf<'conv2d'>): boolean {
  const [outputs, channels, kernel] = node.weights.weight!.shape as [number, number, number, number];
  // With few channels the transforms cost more than the products that they save.
  return kernel === 3 && node.attributes.stride === 1 && node.attributes.padding === 1 && channels >= 32 && outputs >= 32;
}

/**
 * A 3×3 convolution by Winograd's algorithm (winograd-transforms.ts), over channels-last frames. Everything is a product
 * of matrices or a gathering of whole rows, by tables of indices that depend on the frames' sizes only.
 */
export function lowerWinograd(context: LoweringContext, node: NodeOf<'conv2d'>): void {
  const [x] = node.inputs as readonly [Value];
  const { weight, bias } = node.weights;
  const [outputs, channels] = weight!.shape as [number, number];
  const { onnx } = context;
  const tables = tileTables(context, node.output.shape as [Dim, number, Dim, Dim]);
  const gather = (from: string, indices: string) => onnx.node('Gather', [from, indices]); // rows of `from`

  // Bᵀ d B, one axis at a time: the rows at each of the six offsets in a tile, then the columns.
  const padded = onnx.node('Pad', [context.get(x, 'channelsLast'), tables.pads]); // [T, 4h + 2, 4w + 2, C]
  const lines = onnx.node('Flatten', [padded], { attributes: [int('axis', 2)] }); // [T · (4h + 2), (4w + 2) · C]
  const byRow = transform(context, WINOGRAD.input, gather(lines, tables.rows)); // [6, T · h · (4w + 2) · C]
  const positions = context.reshapeTo(byRow, [-1, channels]);
  const byColumn = transform(context, WINOGRAD.input, gather(positions, tables.columns)); // [6, 6 · T · h · w · C]
  const windows = context.reshapeTo(byColumn, [WINDOW * WINDOW, -1, channels]); // [6 columns · 6 rows, tiles, C]

  const products = onnx.node('MatMul', [windows, winogradWeight(context, weight!)]); // [36, tiles, O]

  // Aᵀ … A, then every position from its place in its tile.
  const columnsDone = transform(context, WINOGRAD.output, products); // [4, 6 · tiles · O]
  const tiles = onnx.node('MatMul', [matrix(context, WINOGRAD.output), context.reshapeTo(columnsDone, [TILE, WINDOW, -1])]); // [4, 4, tiles · O]
  const placed = gather(context.reshapeTo(tiles, [-1, outputs]), tables.places); // [T, H, W, O]
  context.set(node.output, 'channelsLast', bias ? onnx.node('Add', [placed, context.weight(bias)]) : placed);
}

/** A transform along the first axis, which `name` holds as [6, …] or [6 · …]: [its rows, …]. */
function transform(context: LoweringContext, by: readonly (readonly number[])[], name: string): string {
  return context.onnx.node('MatMul', [matrix(context, by), context.reshapeTo(name, [WINDOW, -1])]);
}

function matrix(context: LoweringContext, rows: readonly (readonly number[])[]): string {
  return context.onnx.floats(rows.flat(), [rows.length, rows[0]!.length]);
}

/** G g Gᵀ of every filter, [6 columns · 6 rows, C, O]. */
function winogradWeight(context: LoweringContext, weight: WeightRef): string {
  const [outputs, channels] = weight.shape as [number, number];
  return context.packedWeight(weight, 'winograd', [WINDOW * WINDOW, channels, outputs], (data) =>
    transformFilters(data, outputs, channels),
  );
}

/** Names of the tables for frames [T, ·, H, W], shared by all convolutions of that size. */
function tileTables(context: LoweringContext, [frames, , height, width]: readonly [Dim, number, Dim, Dim]) {
  const size = `${frames},${height},${width}`;
  const sizes = (bindings: Bindings) => tiling(evaluateDim(frames, bindings), evaluateDim(height, bindings), evaluateDim(width, bindings));
  return {
    pads: context.table(`pads ${size}`, 'INT64', 1, (bindings) => pads(sizes(bindings))),
    rows: context.table(`rows ${size}`, 'INT32', 3, (bindings) => rowIndices(sizes(bindings))),
    columns: context.table(`columns ${size}`, 'INT32', 3, (bindings) => columnIndices(sizes(bindings))),
    places: context.table(`places ${size}`, 'INT32', 3, (bindings) => placeIndices(sizes(bindings))),
  };
}

interface Tiling {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** Tiles in a column and in a row of a frame. */
  readonly tall: number;
  readonly wide: number;
}

function tiling(frames: number, height: number, width: number): Tiling {
  return { frames, height, width, tall: Math.ceil(height / TILE), wide: Math.ceil(width / TILE) };
}

/** One row and column of zeros before, and enough after for whole tiles and their overlap. */
function pads({ height, width, tall, wide }: Tiling) {
  const data = [0, 1, 1, 0, 0, tall * TILE + 1 - height, wide * TILE + 1 - width, 0];
  return { data: BigInt64Array.from(data.map(BigInt)), shape: [data.length] };
}

/** Which lines of [T · (4h + 2)] are at each offset of each tile row: [6, T, h]. */
function rowIndices({ frames, tall }: Tiling) {
  const data = new Int32Array(WINDOW * frames * tall);
  let at = 0;
  for (let offset = 0; offset < WINDOW; offset++)
    for (let frame = 0; frame < frames; frame++)
      for (let tile = 0; tile < tall; tile++) data[at++] = frame * (tall * TILE + 2) + tile * TILE + offset;
  return { data, shape: [WINDOW, frames, tall] };
}

/** Which positions of [6 · T · h · (4w + 2)] are at each offset of each tile column: [6, 6 · T · h, w]. */
function columnIndices({ frames, tall, wide }: Tiling) {
  const lines = WINDOW * frames * tall;
  const data = new Int32Array(WINDOW * lines * wide);
  let at = 0;
  for (let offset = 0; offset < WINDOW; offset++)
    for (let line = 0; line < lines; line++)
      for (let tile = 0; tile < wide; tile++) data[at++] = line * (wide * TILE + 2) + tile * TILE + offset;
  return { data, shape: [WINDOW, lines, wide] };
}

/** Where each position of [T, H, W] is in [4 columns · 4 rows · T · h · w]. */
function placeIndices({ frames, height, width, tall, wide }: Tiling) {
  const tiles = frames * tall * wide;
  const data = new Int32Array(frames * height * width);
  let at = 0;
  for (let frame = 0; frame < frames; frame++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const tile = (frame * tall + Math.floor(y / TILE)) * wide + Math.floor(x / TILE);
        data[at++] = ((x % TILE) * TILE + (y % TILE)) * tiles + tile;
      }
  return { data, shape: [frames, height, width] };
}
