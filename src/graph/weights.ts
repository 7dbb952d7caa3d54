import type { Graph, WeightRef, WeightSource } from './types';

/** The weights that a graph takes, each once, in the order of their first use. */
export function graphWeights(graph: Graph): readonly WeightRef[] {
  const weights = new Map<string, WeightRef>();
  for (const node of graph.nodes) for (const ref of Object.values(node.weights)) if (!weights.has(ref.name)) weights.set(ref.name, ref);
  return [...weights.values()];
}

/** Stored bytes of a graph's weights, for progress. */
export function graphWeightBytes(graph: Graph, source: WeightSource): number {
  return graphWeights(graph).reduce((sum, { name }) => sum + source.info(name).sizeBytes, 0);
}

/** Rows of a matrix [rows, columns]: `count` from `first` on. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
  readonly rows: number;
}

/** Stored bytes of some rows. The rows of quantized weights must be whole blocks. */
export async function readRows(source: WeightSource, name: string, { first, count, rows }: RowRange): Promise<Uint8Array> {
  const rowBytes = source.info(name).sizeBytes / rows;
  if (source.parts && count < rows) return source.parts.read(name, first * rowBytes, count * rowBytes);
  return (await source.read(name)).subarray(first * rowBytes, (first + count) * rowBytes);
}

/** Some rows as f32; read whole where rows are not whole blocks of the storage type. */
export async function readRowsF32(source: WeightSource, name: string, { first, count, rows }: RowRange): Promise<Float32Array> {
  const { sizeBytes, shape } = source.info(name);
  const columns = shape.reduce((product, size) => product * size, 1) / rows;
  const rowBytes = sizeBytes / rows;
  // Types without blocks have whole bytes a weight, those with blocks never; a block of any type is at most 256 weights.
  const isWholeBlocks = Number.isInteger(rowBytes / columns) || columns % 256 === 0;
  if (source.parts && count < rows && isWholeBlocks) return source.parts.readF32(name, first * rowBytes, count * rowBytes);
  return (await source.readF32(name)).subarray(first * columns, (first + count) * columns);
}
