import { throwIfAborted } from '../errors';
import { invalidGraph } from './errors';
import type { CompiledGraph, CompileOptions, DeviceTensor, Executor } from './executor';
import type { Graph, WeightSource } from './types';
import { graphWeightBytes } from './weights';

export interface ChainOptions extends CompileOptions {
  /**
   * Whether every segment stays loaded (default), or is compiled just before it runs and released right
   * after: one segment's weights in memory at a time, for networks that are larger than the heap.
   */
  readonly resident?: boolean;
}

export interface CompiledChain {
  readonly graphs: readonly Graph[];
  /**
   * Runs the segments in order. Inputs stay the caller's. Outputs, the caller's to dispose of, are all
   * results that no later segment takes in. Intermediates are disposed of as soon as they have been used,
   * and everything is when a segment fails.
   */
  run(inputs: Readonly<Record<string, DeviceTensor>>, options?: { readonly signal?: AbortSignal }): Promise<Record<string, DeviceTensor>>;
  dispose(): Promise<void>;
}

/**
 * Compiles a network's segments. A segment's input is the latest output of that name before it, else the
 * input of that name given to `run`; so `hidden` can be handed from block to block. Throws `invalid-graph`
 * where a result would be replaced unused.
 */
export async function compileChain(
  executor: Executor,
  graphs: readonly Graph[],
  weights: WeightSource,
  options: ChainOptions = {},
): Promise<CompiledChain> {
  const { resident = true, signal, onProgress } = options;
  const lastUses = planLastUses(graphs);
  const sizes = graphs.map((graph) => graphWeightBytes(graph, weights));
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);

  const load = (index: number, stop: AbortSignal | undefined) => {
    const before = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
    return executor.compile(graphs[index]!, weights, {
      ...(stop ? { signal: stop } : {}),
      onProgress: (loadedBytes) => onProgress?.(before + loadedBytes, totalBytes),
    });
  };

  const compiled: CompiledGraph[] = [];
  const release = async () => {
    for (const graph of compiled.splice(0)) await graph.dispose();
  };
  if (resident) {
    try {
      for (let index = 0; index < graphs.length; index++) {
        throwIfAborted(signal);
        compiled.push(await load(index, signal));
      }
    } catch (error) {
      await release();
      throw error;
    }
  }

  return {
    graphs,
    run: async (inputs, { signal: stop } = {}) => {
      const owned = new Map<string, DeviceTensor>();
      try {
        for (const [index, graph] of graphs.entries()) {
          throwIfAborted(stop);
          const segment = compiled[index] ?? (await load(index, stop));
          let results: Record<string, DeviceTensor>;
          try {
            results = await segment.run(pickInputs(graph, inputs, owned));
          } finally {
            if (!resident) await segment.dispose();
          }
          for (const [name, tensor] of [...owned])
            if (lastUses.has(`${name}@${index}`)) {
              tensor.dispose();
              owned.delete(name);
            }
          for (const [name, tensor] of Object.entries(results)) owned.set(name, tensor);
        }
        return Object.fromEntries(owned);
      } catch (error) {
        for (const tensor of owned.values()) tensor.dispose();
        throw error;
      }
    },
    dispose: release,
  };
}

function pickInputs(
  graph: Graph,
  given: Readonly<Record<string, DeviceTensor>>,
  owned: ReadonlyMap<string, DeviceTensor>,
): Record<string, DeviceTensor> {
  const picked: Record<string, DeviceTensor> = {};
  for (const { name } of graph.inputs) {
    const tensor = owned.get(name) ?? given[name];
    if (!tensor) throw invalidGraph(`${graph.name}: the input ${name} is missing.`);
    picked[name] = tensor;
  }
  return picked;
}

/** `name@index` for every result `name` that segment `index` is the last to take in. */
export function planLastUses(graphs: readonly Graph[]): ReadonlySet<string> {
  const lastUses = new Set<string>();
  const live = new Map<string, number | undefined>(); // result → the last segment that took it in so far
  const close = (name: string) => {
    const index = live.get(name);
    if (index !== undefined) lastUses.add(`${name}@${index}`);
  };
  graphs.forEach((graph, index) => {
    for (const { name } of graph.inputs) if (live.has(name)) live.set(name, index);
    for (const { name } of graph.outputs) {
      if (live.has(name) && live.get(name) === undefined)
        throw invalidGraph(`${graph.name} replaces ${name} before it was used.`, 'This is a defect in Kinora; please report it.');
      close(name);
      live.set(name, undefined);
    }
  });
  for (const name of live.keys()) close(name);
  return lastUses;
}
