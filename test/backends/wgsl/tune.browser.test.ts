import { afterEach, expect, test, vi } from 'vitest';
import { GraphBuilder } from '../../../src/graph/builder';
import { createReferenceExecutor } from '../../../src/graph/reference';
import type { Executor } from '../../../src/graph/executor';
import type { Graph } from '../../../src/graph/types';
import { testExecutor } from './device';
import { randomNumbers, randomWeights } from './random-weights';

const weights = randomWeights({ 'a.weight': [96, 64], 'a.bias': [96], 'few.weight': [96, 64], 'few.bias': [96] });
afterEach(() => vi.restoreAllMocks());

/** Linears of two classes, and an attention. */
function network(): Graph {
  const g = new GraphBuilder('network', weights);
  const y = g.relu(g.weights.linear(g.input('x', ['N', 64]), 'a')); // [N, 96]
  g.output('y', g.attention(y, y, y, { heads: 4, scale: 0.2 }));
  g.output('z', g.weights.linear(g.input('row', [2, 64]), 'few'));
  return g.build();
}

async function run(executor: Executor): Promise<number[]> {
  const compiled = await executor.compile(network(), weights);
  const inputs = { x: executor.upload(randomNumbers(100 * 64, 1), [100, 64]), row: executor.upload(randomNumbers(128, 2), [2, 64]) };
  try {
    const outputs = await compiled.run(inputs);
    const values: number[] = [];
    for (const tensor of Object.values(outputs)) {
      values.push(...(await executor.download(tensor)));
      tensor.dispose();
    }
    return values;
  } finally {
    Object.values(inputs).forEach((tensor) => tensor.dispose());
    await compiled.dispose();
  }
}

test.each([
  ['by timestamp queries', ['timestamp-query'] as const],
  ['by the time until it is done', [] as const],
])('every class that was run is measured %s, and leaves nothing behind; what is chosen computes the same', async (_, features) => {
  const { executor, device } = await testExecutor({ features });
  expect(await executor.tune!()).toEqual([]); // nothing has been run
  await run(executor);
  device.pushErrorScope('validation');
  const progress: string[] = [];
  const results = await executor.tune!({ onProgress: (done, total) => progress.push(`${done}/${total}`) });
  expect(await device.popErrorScope()).toBeNull();
  expect(results.map(({ key }) => key).sort()).toEqual(['attention.24.short', 'gemm.f32.few', 'gemm.f32.many']);
  expect(progress).toEqual(['1/3', '2/3', '3/3']);
  for (const { byDefault, chosen, timings } of results) {
    expect(timings.length).toBeGreaterThan(1);
    expect(timings.every(({ ms }) => ms > 0)).toBe(true);
    expect(timings.map(({ configuration }) => configuration)).toEqual(expect.arrayContaining([byDefault, chosen]));
    // The fastest, unless the default is as good.
    const msOf = (name: string) => timings.find(({ configuration }) => configuration === name)!.ms;
    expect(Math.min(...timings.map(({ ms }) => ms))).toBeGreaterThanOrEqual(msOf(chosen) * (chosen === byDefault ? 0.97 : 1));
  }
  expect(executor.liveBuffers).toBe(0);

  // Of every class one that is not the default.
  const choices = Object.fromEntries(
    results.map(({ key, byDefault, timings }) => [key, timings.find(({ configuration }) => configuration !== byDefault)!.configuration]),
  );
  const tuned = await testExecutor({ choices });
  expect(tuned.executor.plan.variants).toMatchObject(choices);
  const golden = await run(createReferenceExecutor());
  (await run(tuned.executor)).forEach((value, i) => expect(value).toBeCloseTo(golden[i]!, 3));
  tuned.device.destroy();
  device.destroy();
});

test('stops when asked to, and ends with a lost device as such', async () => {
  const { executor, device } = await testExecutor();
  await run(executor);
  await expect(executor.tune!({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  expect(await executor.tune!({ budgetMs: -1 })).toEqual([]);
  expect(executor.liveBuffers).toBe(0);
  const tuning = executor.tune!();
  device.destroy();
  await expect(tuning).rejects.toMatchObject({ code: 'device-lost' });
});
