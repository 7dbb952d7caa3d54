import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WgslExecutor } from '../../../src/backends/wgsl/create-wgsl-executor';
import { GraphBuilder } from '../../../src/graph/builder';
import { testExecutor } from './device';
import { randomWeights } from './random-weights';

const WIDTH = 512;
const ROWS = 2048;
const weights = randomWeights({ 'a.weight': [WIDTH, WIDTH], 'a.bias': [WIDTH] });

/** Eight linears of 0.5 G multiply-adds: each many submissions long on a software adapter, and together seconds. */
function heavy() {
  const g = new GraphBuilder('heavy', weights);
  let x = g.input('x', [ROWS, WIDTH]);
  for (let i = 0; i < 8; i++) x = g.weights.linear(x, 'a');
  g.output('y', x);
  return g.build();
}

describe.each([
  ['by timestamp queries', ['timestamp-query'] as const, true],
  ['by the time until it is done, without timestamp queries', [] as const, false],
])('submissions measured %s', (_, features, byTimestamps) => {
  const submissions: { ms: number; work: number; byTimestamps: boolean }[] = [];
  let executor: WgslExecutor;
  let device: GPUDevice;

  beforeAll(async () => {
    const made = await testExecutor({ features, onSubmission: (record) => submissions.push(record) });
    ({ executor, device } = made);
    const compiled = await executor.compile(heavy(), weights);
    const x = executor.upload(new Float32Array(ROWS * WIDTH).fill(0.01), [ROWS, WIDTH]);
    const { y } = await compiled.run({ x });
    await executor.download(y!);
    y!.dispose();
    x.dispose();
    await compiled.dispose();
  });
  afterAll(async () => {
    await executor.dispose();
    device.destroy();
  });

  it('stay near 50 ms, however long a kernel is, and none lasts as long as a watchdog waits', () => {
    const long = submissions.map(({ ms }) => ms).sort((a, b) => a - b);
    expect(submissions.every((record) => record.byTimestamps === byTimestamps)).toBe(true);
    expect(submissions.reduce((sum, { work }) => sum + work, 0)).toBeCloseTo(8 * ROWS * WIDTH * WIDTH, -3);
    expect(submissions.length).toBeGreaterThan(8);
    expect(long[Math.floor(long.length / 2)]).toBeLessThanOrEqual(100);
    expect(long.at(-1)).toBeLessThan(1_000);
    expect(executor.liveBuffers).toBe(0);
  });
});
