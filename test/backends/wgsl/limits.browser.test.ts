import { afterEach, expect, test, vi } from 'vitest';
import type { WgslExecutor } from '../../../src/backends/wgsl/create-wgsl-executor';
import { GraphBuilder } from '../../../src/graph/builder';
import type { CompiledGraph } from '../../../src/graph/executor';
import { createReferenceExecutor } from '../../../src/graph/reference';
import type { Graph } from '../../../src/graph/types';
import { testExecutor } from './device';
import { randomNumbers, randomWeights } from './random-weights';

const SHAPES = { 'a.weight': [96, 64], 'a.bias': [96], 'c.weight': [12, 6, 3, 3], 'c.bias': [12] };
const INPUTS = { x: [50, 64], picture: [2, 6, 9, 7] };
const weights = randomWeights(SHAPES);
afterEach(() => vi.restoreAllMocks());

/** A linear, an attention and a convolution: every kernel that may be cut. */
function network(): Graph {
  const g = new GraphBuilder('network', weights);
  const y = g.relu(g.weights.linear(g.input('x', ['N', 64]), 'a')); // [N, 96]
  g.output('y', g.attention(y, y, y, { heads: 4, scale: 0.2 }));
  g.output('z', g.weights.conv2d(g.input('picture', [2, 6, 9, 7]), 'c'));
  return g.build();
}

const upload = (executor: Pick<WgslExecutor, 'upload'>) =>
  Object.fromEntries(
    Object.entries(INPUTS).map(([name, shape], seed) => [
      name,
      executor.upload(
        randomNumbers(
          shape.reduce((size, dim) => size * dim, 1),
          seed + 1,
        ),
        shape,
      ),
    ]),
  );

async function runOn(executor: Pick<WgslExecutor, 'upload' | 'download'>, compiled: CompiledGraph): Promise<number[]> {
  const inputs = upload(executor);
  try {
    const { y, z } = await compiled.run(inputs);
    const values = [...(await executor.download(y!)), ...(await executor.download(z!))];
    y!.dispose();
    z!.dispose();
    return values;
  } finally {
    Object.values(inputs).forEach((tensor) => tensor.dispose());
  }
}

test('a network cut into many submissions gives the bits of one', async () => {
  const whole = await testExecutor();
  const cut = await testExecutor({ submissionMs: 1e-6 });
  const submit = vi.spyOn(cut.device.queue, 'submit');
  const expected = await runOn(whole.executor, await whole.executor.compile(network(), weights));
  const compiled = await cut.executor.compile(network(), weights);
  expect(await runOn(cut.executor, compiled)).toEqual(expected);
  expect(submit.mock.calls.length).toBeGreaterThan(10);
  // Twice: a cut leaves its parameters as it found them.
  expect(await runOn(cut.executor, compiled)).toEqual(expected);
  const reference = createReferenceExecutor();
  const golden = await runOn(reference, await reference.compile(network(), weights));
  expected.forEach((value, i) => expect(value).toBeCloseTo(golden[i]!, 3));
  whole.device.destroy();
  cut.device.destroy();
});

test('runs that overlap do not disturb each other', async () => {
  const { executor, device } = await testExecutor();
  const compiled = await executor.compile(network(), weights);
  const [first, second] = await Promise.all([runOn(executor, compiled), runOn(executor, compiled)]);
  expect(second).toEqual(first);
  await compiled.dispose();
  expect(executor.liveBuffers).toBe(0);
  device.destroy();
});

test('memory is as estimated', async () => {
  const { executor, device } = await testExecutor();
  const graph = network();
  const shapes = { x: { shape: INPUTS.x, type: 'f32' }, picture: { shape: INPUTS.picture, type: 'f32' } } as const;
  const { weightBytes, intermediateBytes, inputBytes, outputBytes } = executor.estimateMemory(graph, shapes);
  expect(executor.liveBytes).toBe(0);
  const compiled = await executor.compile(graph, weights);
  expect(executor.liveBytes).toBe(weightBytes);
  await runOn(executor, compiled);
  const estimate = weightBytes + intermediateBytes + inputBytes + outputBytes;
  const downloads = outputBytes;
  expect(executor.peakBytes).toBeGreaterThanOrEqual(estimate);
  expect(executor.peakBytes).toBeLessThan(1.1 * (estimate + downloads));
  await compiled.dispose();
  expect(executor.liveBytes).toBe(0);
  device.destroy();
});

test('an intermediate over the limit of a buffer is refused before anything is allocated', async () => {
  const bufferBytes = 2 ** 20;
  const { executor, device } = await testExecutor({ limits: { bufferBytes } });
  const count = bufferBytes / 4 / 512;
  const g = new GraphBuilder('wide', weights);
  const x = g.input('x', ['N', 1]);
  const wide = g.add(x, g.input('row', [1, 1024])); // [N, 1024]
  g.output('y', g.slice(g.tanh(g.relu(wide)), 1, 0, 1));
  const graph = g.build();
  const shapes = { x: { shape: [count, 1], type: 'f32' }, row: { shape: [1, 1024], type: 'f32' } } as const;
  expect(() => executor.estimateMemory(graph, shapes)).toThrowError(expect.objectContaining({ code: 'out-of-memory' }));
  const compiled = await executor.compile(graph, weights);
  const inputs = { x: executor.upload(new Float32Array(count), [count, 1]), row: executor.upload(new Float32Array(1024), [1, 1024]) };
  await expect(compiled.run(inputs)).rejects.toMatchObject({ code: 'out-of-memory' });
  expect(executor.liveBuffers).toBe(2);
  device.destroy();
});

test('a full GPU is told once, leaves nothing behind, and the next run works', async () => {
  const { executor, device } = await testExecutor();
  const compiled = await executor.compile(network(), weights);
  const before = executor.liveBuffers;
  vi.spyOn(device, 'popErrorScope').mockResolvedValueOnce(new GPUOutOfMemoryError('injected'));
  await expect(runOn(executor, compiled)).rejects.toMatchObject({ code: 'out-of-memory' });
  expect(executor.liveBuffers).toBe(before);
  expect((await runOn(executor, compiled)).length).toBeGreaterThan(0);
  device.destroy();
});

test('a refused command is told at the next call', async () => {
  const { executor, device } = await testExecutor();
  const compiled = await executor.compile(network(), weights);
  const told = new Promise((resolve) => device.addEventListener('uncapturederror', resolve, { once: true }));
  const unwritable = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE });
  device.queue.writeBuffer(unwritable, 0, new Uint32Array(4));
  await told;
  await expect(runOn(executor, compiled)).rejects.toMatchObject({ code: 'internal' });
  expect((await runOn(executor, compiled)).length).toBeGreaterThan(0);
  device.destroy();
});

test('a lost device ends the run under way and all later ones as such', async () => {
  const { executor, device } = await testExecutor({ submissionMs: 1e-6 });
  const compiled = await executor.compile(network(), weights);
  await runOn(executor, compiled);
  const running = runOn(executor, compiled);
  device.destroy();
  await expect(running).rejects.toMatchObject({ code: 'device-lost' });
  await device.lost;
  await expect(compiled.run({})).rejects.toMatchObject({ code: 'device-lost' });
  await compiled.dispose();
  expect(executor.liveBuffers).toBe(0);
});
