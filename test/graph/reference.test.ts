import { describe, expect, it } from 'vitest';
import { KinoraError } from '../../src/errors';
import { GraphBuilder } from '../../src/graph/builder';
import { createReferenceExecutor } from '../../src/graph/reference';
import { memoryWeights } from './memory-weights';

const executor = createReferenceExecutor();
const NO_WEIGHTS = memoryWeights({});

async function compiled(write: (g: GraphBuilder) => void, weights = NO_WEIGHTS) {
  const g = new GraphBuilder('net', weights);
  write(g);
  return executor.compile(g.build(), weights);
}

describe('reference executor', () => {
  it('binds symbols from the inputs and checks that all agree', async () => {
    const graph = await compiled((g) => g.output('y', g.add(g.input('a', ['T', '2*h']), g.input('b', [1, '2*h']))));
    const run = (a: number[], b: number[]) =>
      graph.run({ a: executor.upload(new Float32Array(a[0]! * a[1]!), a), b: executor.upload(new Float32Array(b[0]! * b[1]!), b) });
    expect((await run([3, 4], [1, 4])).y!.shape).toEqual([3, 4]);
    expect((await run([5, 2], [1, 2])).y!.shape).toEqual([5, 2]);
    await expect(run([3, 5], [1, 5])).rejects.toThrow(/the input a is f32 \[3, 5\] where f32 \[T, 2\*h\] is expected/);
    await expect(run([3, 4], [1, 6])).rejects.toThrow(/the input b is f32 \[1, 6\].*h = 2/);
    await expect(run([3, 4], [2, 4])).rejects.toThrow(/the input b/);
    await expect(graph.run({ a: executor.upload(new Float32Array(4), [1, 4]) })).rejects.toThrow(/the input b is missing/);
    await expect(
      graph.run({ a: executor.upload(new Int32Array(4), [1, 4]), b: executor.upload(new Float32Array(4), [1, 4]) }),
    ).rejects.toThrow(/is i32/);
  });

  it('solves a product once its factors are known, whatever the order of the inputs', async () => {
    const graph = await compiled((g) => {
      g.output('s', g.relu(g.input('s', ['h*w'])));
      g.output('x', g.relu(g.input('x', ['h', 'w'])));
    });
    const run = (s: number) => graph.run({ s: executor.upload(new Float32Array(s), [s]), x: executor.upload(new Float32Array(6), [2, 3]) });
    expect((await run(6)).s!.shape).toEqual([6]);
    await expect(run(5)).rejects.toThrow(/the input s/);
    const alone = await compiled((g) => g.output('s', g.relu(g.input('s', ['h*w']))));
    await expect(alone.run({ s: executor.upload(new Float32Array(6), [6]) })).rejects.toThrow(/cannot be told/);
  });

  it('finds at run time what symbols cannot tell', async () => {
    const graph = await compiled((g) => g.output('y', g.slice(g.input('x', ['T', 1]), 0, -3)));
    expect((await graph.run({ x: executor.upload(new Float32Array(5), [5, 1]) })).y!.shape).toEqual([3, 1]);
    await expect(graph.run({ x: executor.upload(new Float32Array(2), [2, 1]) })).rejects.toThrow(/slice cannot take -3/);
  });

  it('refuses weights that are not what the graph was built for', async () => {
    const built = memoryWeights({ 'l.weight': { shape: [1, 2], data: [1, 2] } });
    const g = new GraphBuilder('net', built);
    g.output('y', g.weights.linear(g.input('x', ['T', 2]), 'l', { bias: false }));
    const graph = g.build();
    await expect(executor.compile(graph, memoryWeights({ 'l.weight': { shape: [3], data: [1, 2, 3] } }))).rejects.toThrow(
      /l.weight has 3 elements/,
    );
    await expect(executor.compile(graph, NO_WEIGHTS)).rejects.toMatchObject({ code: 'invalid-file' });
  });

  it('reports progress in bytes and stops when asked', async () => {
    const weights = memoryWeights({ 'l.weight': { shape: [1, 2], data: [1, 2] }, 'l.bias': { shape: [1], data: [1] } });
    const g = new GraphBuilder('net', weights);
    g.output('y', g.weights.linear(g.input('x', ['T', 2]), 'l'));
    const seen: number[][] = [];
    await executor.compile(g.build(), weights, { onProgress: (loaded, total) => seen.push([loaded, total]) });
    expect(seen).toEqual([
      [8, 12],
      [12, 12],
    ]);
    await expect(executor.compile(g.build(), weights, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });

  it('owns copies: host data can change, and outputs outlive inputs', async () => {
    const data = new Float32Array([1, 2]);
    const tensor = executor.upload(data, [2]);
    data[0] = 9;
    expect(await executor.download(tensor)).toEqual(new Float32Array([1, 2]));
    const graph = await compiled((g) => g.output('same', g.input('x', ['T'])));
    const { same } = await graph.run({ x: tensor });
    tensor.dispose();
    expect(await executor.download(same!)).toEqual(new Float32Array([1, 2]));
    await expect(executor.download(tensor)).rejects.toThrow(KinoraError);
    await graph.dispose();
    await expect(graph.run({ x: same! })).rejects.toThrow(/disposed/);
    expect(() => executor.upload(data, [3])).toThrow(/2 elements/);
  });

  it('combines tensors in the given order', async () => {
    const [a, b] = [executor.upload(new Float32Array([1, 2]), [2]), executor.upload(new Float32Array([10, 20]), [2])];
    const sum = await executor.combine([
      { tensor: a, coefficient: 2 },
      { tensor: b, coefficient: -0.5 },
    ]);
    expect(await executor.download(sum)).toEqual(new Float32Array([-3, -6]));
    await expect(executor.combine([])).rejects.toThrow(/at least one/);
    const c = executor.upload(new Float32Array(3), [3]);
    await expect(
      executor.combine([
        { tensor: a, coefficient: 1 },
        { tensor: c, coefficient: 1 },
      ]),
    ).rejects.toThrow(/cannot be combined/);
  });

  it('selects frames on the second axis', async () => {
    const free = executor.upload(
      Float32Array.from({ length: 12 }, (_, i) => i),
      [2, 3, 1, 2],
    );
    const known = executor.upload(
      Float32Array.from({ length: 12 }, (_, i) => 100 + i),
      [2, 3, 1, 2],
    );
    const mixed = await executor.selectFrames(free, known, [true, false, true]);
    expect([...(await executor.download(mixed))]).toEqual([100, 101, 2, 3, 104, 105, 106, 107, 8, 9, 110, 111]);
    await expect(executor.selectFrames(free, known, [true])).rejects.toThrow(/1 flags/);
  });
});
