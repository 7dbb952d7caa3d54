import type { DeviceTensor, Executor } from '../../src/graph/executor';
import { createReferenceExecutor } from '../../src/graph/reference';

export interface CountingExecutor extends Executor {
  /** Tensors that have been made and not yet disposed of. */
  readonly live: ReadonlySet<DeviceTensor>;
  /** Graphs run so far, by name. */
  readonly runs: ReadonlyMap<string, number>;
  /** Graphs compiled and not yet disposed of, by name. */
  readonly compiled: ReadonlyMap<string, number>;
  /** Called before every run of a graph: to fail, or to stop, at a chosen moment. */
  beforeRun: (graph: string) => void;
}

/** The reference executor, keeping count. Disposing of a tensor twice throws. */
export function countingExecutor(): CountingExecutor {
  const inner = createReferenceExecutor();
  const live = new Set<DeviceTensor>();
  const runs = new Map<string, number>();
  const compiled = new Map<string, number>();
  const count = <T extends DeviceTensor>(tensor: T): T => {
    live.add(tensor);
    const dispose = tensor.dispose.bind(tensor);
    tensor.dispose = () => {
      if (!live.delete(tensor)) throw new Error('A tensor was disposed of twice.');
      dispose();
    };
    return tensor;
  };
  const executor: CountingExecutor = {
    ...inner,
    live,
    runs,
    compiled,
    beforeRun: () => undefined,
    upload: (data, shape) => count(inner.upload(data, shape)),
    combine: async (terms) => count(await inner.combine(terms)),
    selectFrames: async (...given) => count(await inner.selectFrames(...given)),
    compile: async (graph, weights, options) => {
      const made = await inner.compile(graph, weights, options);
      compiled.set(graph.name, (compiled.get(graph.name) ?? 0) + 1);
      return {
        graph,
        run: async (inputs) => {
          executor.beforeRun(graph.name);
          runs.set(graph.name, (runs.get(graph.name) ?? 0) + 1);
          const outputs = await made.run(inputs);
          Object.values(outputs).forEach(count);
          return outputs;
        },
        dispose: async () => {
          compiled.set(graph.name, compiled.get(graph.name)! - 1);
          await made.dispose();
        },
      };
    },
  };
  return executor;
}
