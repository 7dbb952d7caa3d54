import { compileChain } from '../../src/graph/chain';
import type { DeviceTensor, Executor } from '../../src/graph/executor';
import type { Graph, WeightSource } from '../../src/graph/types';

export type HostInput = readonly [data: Float32Array | Int32Array, shape: readonly number[]];

export interface HostOutput {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Compiles a chain, runs it once on host data and returns its outputs. */
export async function runGraphs(
  executor: Executor,
  graphs: readonly Graph[],
  weights: WeightSource,
  inputs: Readonly<Record<string, HostInput>>,
): Promise<Record<string, HostOutput>> {
  const chain = await compileChain(executor, graphs, weights);
  const uploaded: Record<string, DeviceTensor> = {};
  for (const [name, [data, shape]] of Object.entries(inputs)) uploaded[name] = executor.upload(data, shape);
  const outputs: Record<string, HostOutput> = {};
  for (const [name, tensor] of Object.entries(await chain.run(uploaded)))
    outputs[name] = { shape: tensor.shape, data: (await executor.download(tensor)) as Float32Array };
  await chain.dispose();
  return outputs;
}
