import { multiplyAdds } from '../../src/graph/cost';
import type { InputShape } from '../../src/graph/bindings';
import { compileChain } from '../../src/graph/chain';
import type { DeviceTensor, Executor } from '../../src/graph/executor';
import type { HostTensor } from '../../src/graph/host-tensor';
import type { Graph, WeightSource } from '../../src/graph/types';
import type { Comparison, Tolerances } from './comparison';

/** One comparison of a network with its goldens, to be run on any executor. */
export interface NetworkCase {
  readonly name: string;
  readonly network: 'wan' | 'umt5' | 'minilm' | 'taew';
  /** Multiply-adds of the largest run in the case: what decides whether a slow executor takes it. */
  readonly cost: number;
  run(executor: Executor, tolerances: Tolerances): Promise<Comparison[]>;
}

export type HostInputs = Readonly<Record<string, HostTensor>>;
export type HostOutputs = Record<string, Float32Array>;

export function f32(data: Float32Array, ...shape: number[]): HostTensor {
  return { data, shape, type: 'f32' };
}

export function i32(data: Int32Array, ...shape: number[]): HostTensor {
  return { data, shape, type: 'i32' };
}

/** Compiles a chain, runs it on host data, and returns its outputs; everything on the executor is disposed of. */
export async function runOnce(
  executor: Executor,
  graphs: readonly Graph[],
  weights: WeightSource,
  inputs: HostInputs,
): Promise<HostOutputs> {
  const [outputs] = await runEach(executor, graphs, weights, 1, () => inputs);
  return outputs!;
}

/** The same graphs compiled once and run several times; inputs of a run may depend on the outputs of the one before. */
export async function runEach(
  executor: Executor,
  graphs: readonly Graph[],
  weights: WeightSource,
  times: number,
  inputsOf: (run: number, before: HostOutputs) => HostInputs,
): Promise<HostOutputs[]> {
  const chain = await compileChain(executor, graphs, weights);
  const all: HostOutputs[] = [];
  try {
    for (let run = 0; run < times; run++) {
      const uploaded = Object.entries(inputsOf(run, all.at(-1) ?? {})).map(([name, { data, shape }]): [string, DeviceTensor] => [
        name,
        executor.upload(data, shape),
      ]);
      const outputs = await chain.run(Object.fromEntries(uploaded));
      const downloaded: HostOutputs = {};
      for (const [name, tensor] of Object.entries(outputs)) {
        downloaded[name] = (await executor.download(tensor)) as Float32Array;
        tensor.dispose();
      }
      uploaded.forEach(([, tensor]) => tensor.dispose());
      all.push(downloaded);
    }
  } finally {
    await chain.dispose();
  }
  return all;
}

/** Multiply-adds of a chain; `inputs` has the shapes of every segment's inputs, those that segments hand on included. */
export function chainCost(graphs: readonly Graph[], inputs: Readonly<Record<string, InputShape>>): number {
  return graphs.reduce((sum, graph) => sum + multiplyAdds(graph, inputs), 0);
}
