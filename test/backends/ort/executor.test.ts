import { describe, expect, it } from 'vitest';
import { createOrtExecutor } from '../../../src/backends/ort';
import { runtimeError } from '../../../src/backends/ort/errors';
import { openSessionCount } from '../../../src/backends/ort/runtime';
import { liveTensorCount } from '../../../src/backends/ort/tensors';
import { KinoraError, type ErrorCode } from '../../../src/errors';
import { GraphBuilder } from '../../../src/graph/builder';
import { createReferenceExecutor } from '../../../src/graph/reference';
import type { Graph, WeightSource } from '../../../src/graph/types';
import { randomFloats, randomWeights } from './op-cases';

const WEIGHTS = randomWeights({ 'a.weight': [48, 40], 'a.bias': [48], 'b.weight': [40, 48], 'b.bias': [40] }, 1);

/** x [N, 40] → two layers → y [N, 40] */
function layers(): Graph {
  const g = new GraphBuilder('layers', WEIGHTS);
  g.output('y', g.weights.linear(g.gelu(g.weights.linear(g.input('x', ['N', 40]), 'a'), 'tanh'), 'b'));
  return g.build();
}

async function code(work: Promise<unknown>): Promise<ErrorCode | 'no error'> {
  return work.then(
    () => 'no error' as const,
    (error: unknown) => (error instanceof KinoraError ? error.code : Promise.reject(error as Error)),
  );
}

describe('the executor on ONNX Runtime', async () => {
  const executor = await createOrtExecutor({ provider: 'wasm', precision: 'exact', threads: 2 });

  it('says what it is', () => {
    expect(executor.plan).toMatchObject({ backend: 'ort-wasm', precision: 'exact', threads: 2, adapter: null });
    expect(executor.plan.build).toMatch(/^onnxruntime-web \d+\.\d+\.\d+ wasm$/);
    expect(executor.plan.variants).toMatchObject({ linear: 'f32', convolution: 'winograd' });
  });

  it('takes silu to the last bits of f32, far from 0 too', async () => {
    const g = new GraphBuilder('silu', WEIGHTS);
    g.output('y', g.silu(g.input('x', ['N'])));
    const compiled = await executor.compile(g.build(), WEIGHTS);
    const values = Float32Array.from({ length: 801 }, (_, index) => (index - 400) / 10); // −40 to 40
    const { y } = await compiled.run({ x: executor.upload(values, [values.length]) });
    const results = (await executor.download(y!)) as Float32Array;
    const errors = values.map((x, index) => (x === 0 ? results[index]! : Math.abs(results[index]! / (x / (1 + Math.exp(-x))) - 1)));
    expect(Math.max(...errors)).toBeLessThan(4e-7);
    await compiled.dispose();
  });

  it('serves any number of tokens with one session, and equal bits every time', async () => {
    const compiled = await executor.compile(layers(), WEIGHTS);
    for (const tokens of [1, 5, 80, 5]) {
      const x = executor.upload(randomFloats(tokens * 40, tokens), [tokens, 40]);
      const [a, b] = [await compiled.run({ x }), await compiled.run({ x })];
      expect(a.y!.shape).toEqual([tokens, 40]);
      expect(await executor.download(a.y!)).toEqual(await executor.download(b.y!));
    }
    await compiled.dispose();
  });

  it('takes runs that overlap in turn', async () => {
    const compiled = await executor.compile(layers(), WEIGHTS);
    const inputs = Array.from({ length: 6 }, (_, i) => executor.upload(randomFloats(7 * 40, i + 1), [7, 40]));
    const alone: Awaited<ReturnType<typeof executor.download>>[] = [];
    for (const x of inputs) alone.push(await executor.download((await compiled.run({ x })).y!));
    const together = await Promise.all(inputs.map(async (x) => executor.download((await compiled.run({ x })).y!)));
    expect(together).toEqual(alone);
    await compiled.dispose();
  });

  it('combines and selects as the reference executor does, bit for bit', async () => {
    const reference = createReferenceExecutor();
    const results = [];
    for (const each of [executor, reference]) {
      const [a, b] = [1, 2].map((seed) => each.upload(randomFloats(2 * 3 * 4 * 5, seed), [2, 3, 4, 5]));
      const combined = await each.combine([
        { tensor: a!, coefficient: 0.1 },
        { tensor: b!, coefficient: -4 / 3 },
        { tensor: a!, coefficient: 1e-3 },
      ]);
      const selected = await each.selectFrames(a!, b!, [true, false, true]);
      results.push([await each.download(combined), await each.download(selected), selected.shape]);
    }
    expect(results[0]).toEqual(results[1]);
  });

  it('refuses inputs that are missing, misshapen or disposed of', async () => {
    const compiled = await executor.compile(layers(), WEIGHTS);
    expect(await code(compiled.run({}))).toBe('invalid-graph');
    expect(await code(compiled.run({ x: executor.upload(new Float32Array(82), [2, 41]) }))).toBe('invalid-graph');
    const gone = executor.upload(new Float32Array(80), [2, 40]);
    gone.dispose();
    expect(await code(compiled.run({ x: gone }))).toBe('internal');
    await compiled.dispose();
    expect(await code(compiled.run({ x: executor.upload(new Float32Array(80), [2, 40]) }))).toBe('internal');
  });

  it('refuses a weight that is shorter than it says', async () => {
    const short: WeightSource = { ...WEIGHTS, readF32: async (name) => (await WEIGHTS.readF32(name)).slice(1) };
    expect(await code(executor.compile(layers(), short))).toBe('invalid-graph');
  });

  it('reports weights as they come, and stops when asked', async () => {
    const seen: number[] = [];
    const compiled = await executor.compile(layers(), WEIGHTS, { onProgress: (loaded, total) => seen.push(loaded / total) });
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
    await compiled.dispose();
    const abort = new AbortController();
    const sessions = openSessionCount();
    expect(await code(executor.compile(layers(), WEIGHTS, { signal: abort.signal, onProgress: () => abort.abort() }))).toBe('aborted');
    expect(openSessionCount()).toBe(sessions);
  });

  it('calls a lack of memory by its name, and goes on working', async () => {
    const g = new GraphBuilder('square', WEIGHTS);
    g.output('y', g.add(g.input('a', ['N', 1]), g.input('b', [1, 'N'])));
    const compiled = await executor.compile(g.build(), WEIGHTS);
    const run = (size: number) =>
      compiled.run({ a: executor.upload(new Float32Array(size), [size, 1]), b: executor.upload(new Float32Array(size), [1, size]) });
    expect(await code(run(70_000))).toBe('out-of-memory'); // 19.6 GB
    expect((await run(3)).y!.shape).toEqual([3, 3]);
    await compiled.dispose();
  });

  it('tells lack of memory from other failures by what the runtime says', () => {
    const codes = [
      'std::bad_alloc',
      'Array buffer allocation failed',
      'Aborted(OOM)',
      'failed to allocate a buffer of size 7',
      'Non-zero status code',
    ].map((message) => runtimeError(new Error(message)).code);
    expect(codes).toEqual(['out-of-memory', 'out-of-memory', 'out-of-memory', 'out-of-memory', 'internal']);
  });

  it('cannot change the number of threads of a running runtime, and says so', async () => {
    expect(await code(createOrtExecutor({ provider: 'wasm', precision: 'fast', threads: 1 }))).toBe('unsupported');
  });

  it('follows the variants of a plan, and refuses those that it does not have', async () => {
    const replayed = await createOrtExecutor({
      provider: 'wasm',
      precision: 'exact',
      choices: { ...executor.plan.variants, convolution: 'conv' },
    });
    expect(replayed.plan.variants).toEqual({ ...executor.plan.variants, convolution: 'conv' });
    expect(await code(createOrtExecutor({ provider: 'wasm', precision: 'exact', choices: { convolution: 'fft' } }))).toBe('unsupported');
    expect(await code(createOrtExecutor({ provider: 'wasm', precision: 'exact', choices: { tiles: 8 } }))).toBe('unsupported');
  });

  it('has no WebGPU in Node, and says so', async () => {
    const { probeWebGpu } = await import('../../../src/backends/ort');
    expect(await probeWebGpu()).toEqual({ available: false, adapter: null, software: false, reason: 'This browser has no WebGPU.' });
  });

  it('leaves nothing behind', async () => {
    const [sessions, tensors] = [openSessionCount(), liveTensorCount()];
    const own = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
    const compiled = [await own.compile(layers(), WEIGHTS), await own.compile(layers(), WEIGHTS)];
    expect(openSessionCount()).toBe(sessions + 2);
    const x = own.upload(new Float32Array(40), [1, 40]);
    const { y } = await compiled[0]!.run({ x });
    expect(liveTensorCount()).toBe(tensors + 2);
    x.dispose();
    x.dispose(); // once is enough, twice does no harm
    y!.dispose();
    expect(liveTensorCount()).toBe(tensors);
    await compiled[0]!.dispose();
    expect(openSessionCount()).toBe(sessions + 1);
    await own.dispose();
    expect(openSessionCount()).toBe(sessions);
    expect(await code(own.compile(layers(), WEIGHTS))).toBe('internal');
  });
});
