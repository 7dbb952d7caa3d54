import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/graph/builder';
import { compileChain } from '../../src/graph/chain';
import type { DeviceTensor, Executor } from '../../src/graph/executor';
import { createReferenceExecutor } from '../../src/graph/reference';
import type { Graph } from '../../src/graph/types';
import { memoryWeights } from './memory-weights';

const WEIGHTS = memoryWeights({ 'a.weight': { shape: [2, 2], data: [1, 0, 0, 2] }, 'b.weight': { shape: [2, 2], data: [3, 0, 0, 4] } });

/** The reference executor, with count of what is alive. */
function countingExecutor() {
  const live = { tensors: new Set<DeviceTensor>(), graphs: 0, mostGraphs: 0 };
  const track = (tensor: DeviceTensor) => {
    live.tensors.add(tensor);
    const dispose = tensor.dispose.bind(tensor);
    tensor.dispose = () => {
      if (!live.tensors.delete(tensor)) throw new Error('disposed of twice');
      dispose();
    };
    return tensor;
  };
  const reference = createReferenceExecutor();
  const executor: Executor = {
    ...reference,
    upload: (data, shape) => track(reference.upload(data, shape)),
    compile: async (graph, weights, options) => {
      const compiled = await reference.compile(graph, weights, options);
      live.mostGraphs = Math.max(live.mostGraphs, ++live.graphs);
      return {
        graph,
        run: async (inputs) => {
          const outputs = await compiled.run(inputs);
          Object.values(outputs).forEach(track);
          return outputs;
        },
        dispose: async () => {
          live.graphs--;
          await compiled.dispose();
        },
      };
    },
  };
  return { executor, live };
}

function graph(name: string, write: (g: GraphBuilder) => void): Graph {
  const g = new GraphBuilder(name, WEIGHTS);
  write(g);
  return g.build();
}

const FIRST = graph('first', (g) => {
  const x = g.input('x', ['T', 2]);
  g.output('hidden', g.weights.linear(x, 'a', { bias: false }));
  g.output('kept', g.scale(x, 10));
});
const SECOND = graph('second', (g) => g.output('hidden', g.weights.linear(g.input('hidden', ['N', 2]), 'b', { bias: false })));
const LAST = graph('last', (g) => g.output('y', g.add(g.input('hidden', ['M', 2]), g.input('x', ['M', 2]))));

describe.each([true, false])('compileChain, resident %s', (resident) => {
  it('hands results on by name, and disposes of all but the outputs', async () => {
    const { executor, live } = countingExecutor();
    const chain = await compileChain(executor, [FIRST, SECOND, LAST], WEIGHTS, { resident });
    const x = executor.upload(new Float32Array([1, 1]), [1, 2]);
    for (let run = 0; run < 2; run++) {
      const outputs = await chain.run({ x });
      expect(Object.keys(outputs).sort()).toEqual(['kept', 'y']);
      expect([...(await executor.download(outputs.y!))]).toEqual([4, 9]);
      expect([...(await executor.download(outputs.kept!))]).toEqual([10, 10]);
      expect(live.tensors.size).toBe(3); // x and the outputs
      Object.values(outputs).forEach((tensor) => tensor.dispose());
    }
    expect(live.mostGraphs).toBe(resident ? 3 : 1);
    await chain.dispose();
    expect(live.graphs).toBe(0);
  });

  it('leaves nothing behind when a segment fails or is stopped', async () => {
    const { executor, live } = countingExecutor();
    const bad = graph('bad', (g) => g.output('y', g.relu(g.input('hidden', ['N', 3]))));
    const chain = await compileChain(executor, [FIRST, SECOND, bad], WEIGHTS, { resident });
    const x = executor.upload(new Float32Array([1, 1]), [1, 2]);
    await expect(chain.run({ x })).rejects.toMatchObject({ code: 'invalid-graph' });
    await expect(chain.run({})).rejects.toThrow(/first: the input x is missing/);
    await expect(chain.run({ x }, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    expect(live.tensors).toEqual(new Set([x]));
    await chain.dispose();
    expect(live.graphs).toBe(0);
  });
});

describe('compileChain', () => {
  it('reports progress over all segments and releases those already compiled when one fails', async () => {
    const { executor, live } = countingExecutor();
    const seen: number[][] = [];
    await (
      await compileChain(executor, [FIRST, SECOND, LAST], WEIGHTS, { onProgress: (loaded, total) => seen.push([loaded, total]) })
    ).dispose();
    expect(seen).toEqual([
      [16, 32],
      [32, 32],
    ]);
    const broken = {
      ...WEIGHTS,
      readF32: (name: string) => (name === 'b.weight' ? Promise.reject(new Error('gone')) : WEIGHTS.readF32(name)),
    };
    await expect(compileChain(executor, [FIRST, SECOND, LAST], broken)).rejects.toThrow('gone');
    expect(live.graphs).toBe(0);
  });

  it('refuses a result that would be lost', async () => {
    await expect(compileChain(createReferenceExecutor(), [FIRST, FIRST], WEIGHTS)).rejects.toThrow(
      /first replaces hidden before it was used/,
    );
  });
});
