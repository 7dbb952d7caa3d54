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
