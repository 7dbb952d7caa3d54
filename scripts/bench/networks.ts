import { createOrtExecutor } from '../../src/backends/ort';
import type { Variants } from '../../src/backends/ort/lowering/choices';
import type { DeviceTensor, Executor, Precision } from '../../src/graph/executor';
import type { Workload } from './network-workloads';
import { workloads } from './workloads';

export interface NetworkTime {
  readonly network: string;
  readonly precision: Precision;
  readonly threads: number;
  /** Milliseconds a run: the fastest, and the median. */
  readonly best: number;
  readonly median: number;
}

/** Times every network of the bundled model on onnxruntime's wasm, one after the other in each of `repeats` rounds. */
export async function measureNetworks(options: {
  readonly precision: Precision;
  readonly threads: number;
  readonly repeats: number;
  readonly choices?: Variants;
  readonly only?: string;
}): Promise<NetworkTime[]> {
  const { precision, threads, repeats, choices, only } = options;
  const executor = await createOrtExecutor({ provider: 'wasm', precision, threads, ...(choices ? { choices } : {}) });
  try {
    const times: NetworkTime[] = [];
    for (const workload of await workloads()) {
      if (only && workload.name !== only) continue;
      const milliseconds = await time(executor, workload, repeats);
      milliseconds.sort((a, b) => a - b);
      times.push({ network: workload.name, precision, threads, best: milliseconds[0]!, median: milliseconds[milliseconds.length >> 1]! });
    }
    return times;
  } finally {
    await executor.dispose();
  }
}

async function time(executor: Executor, { graph, weights, inputs }: Workload, repeats: number): Promise<number[]> {
  const compiled = await executor.compile(graph, weights);
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]): [string, DeviceTensor] => [name, executor.upload(data, shape)]),
  );
  const run = async () => {
    const outputs = await compiled.run(tensors);
    Object.values(outputs).forEach((tensor) => tensor.dispose());
  };
  for (let warmUp = 0; warmUp < 3; warmUp++) await run();
  const milliseconds: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    const start = performance.now();
    await run();
    milliseconds.push(performance.now() - start);
  }
  Object.values(tensors).forEach((tensor) => tensor.dispose());
  await compiled.dispose();
  return milliseconds;
}
