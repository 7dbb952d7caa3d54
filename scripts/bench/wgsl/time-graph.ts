import { planGraph } from '../../../src/backends/wgsl/compiled-graph';
import { createWgslExecutor } from '../../../src/backends/wgsl/create-wgsl-executor';
import { deviceTraits } from '../../../src/backends/wgsl/tuning/traits';
import { bindInputs } from '../../../src/graph/bindings';
import type { Precision } from '../../../src/graph/executor';
import type { HostTensor } from '../../../src/graph/host-tensor';
import type { Graph, WeightSource } from '../../../src/graph/types';

/** A graph to time, with its inputs. */
export interface Workload {
  readonly graph: Graph;
  readonly weights: WeightSource;
  readonly inputs: Readonly<Record<string, HostTensor>>;
}

export interface GraphTime {
  /** Milliseconds of one run: the fastest, and the median. */
  readonly best: number;
  readonly median: number;
  /** Operations of a run, a multiply-add as two. */
  readonly operations: number;
  /** Dispatches of a run, by kernel. */
  readonly dispatches: Readonly<Record<string, number>>;
  readonly peakBytes: number;
  readonly plannedBytes: number;
}

export interface Subject {
  readonly device: GPUDevice;
  readonly adapter: string;
  /** Whether to take the kernels of software adapters. */
  readonly software: boolean;
  readonly precision: Precision;
  readonly choices?: Readonly<Record<string, string>>;
}

/** A measurement repeats runs until it takes this long, so that handing them over does not count. */
const LEAST_MS = 25;

/** Runs a graph until `budgetMs` have gone by, three times at least. Times are of runs in a row, by the clock outside. */
export async function timeGraph(subject: Subject, { graph, weights, inputs }: Workload, budgetMs: number): Promise<GraphTime> {
  const executor = createWgslExecutor(subject);
  const compiled = await executor.compile(graph, weights);
  const tensors = Object.fromEntries(Object.entries(inputs).map(([name, { data, shape }]) => [name, executor.upload(data, shape)]));
  const times: number[] = [];
  const measure = async (runs: number) => {
    const started = performance.now();
    for (let run = 0; run < runs; run++) for (const output of Object.values(await compiled.run(tensors))) output.dispose();
    await subject.device.queue.onSubmittedWorkDone();
    return (performance.now() - started) / runs;
  };
  try {
    await measure(1);
    const runs = Math.max(1, Math.ceil(LEAST_MS / (await measure(1))));
    const started = performance.now();
    while (times.length < 3 || (performance.now() - started < budgetMs && times.length < 50)) times.push(await measure(runs));
    times.sort((a, b) => a - b);
    const { kernels } = planGraph(graph, bindInputs(graph, inputs), {
      traits: deviceTraits(subject.device, subject),
      choices: subject.choices ?? {},
    });
    const dispatches: Record<string, number> = {};
    for (const { shader } of kernels) dispatches[shader] = (dispatches[shader] ?? 0) + 1;
    const { weightBytes, intermediateBytes, inputBytes, outputBytes } = executor.estimateMemory(graph, inputs);
    return {
      best: times[0]!,
      median: times[times.length >> 1]!,
      operations: kernels.reduce((sum, { work }) => sum + 2 * work, 0),
      dispatches,
      peakBytes: executor.peakBytes,
      plannedBytes: weightBytes + intermediateBytes + inputBytes + outputBytes,
    };
  } finally {
    Object.values(tensors).forEach((tensor) => tensor.dispose());
    await compiled.dispose();
    await executor.dispose();
  }
}
