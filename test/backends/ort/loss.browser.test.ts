import { expect, it } from 'vitest';
import { createOrtExecutor } from '../../../src/backends/ort';
import { gpuMemory } from '../../../src/backends/ort/memory';
import { startRuntime, webGpuBuild, type OrtModule } from '../../../src/backends/ort/runtime';
import { KinoraError } from '../../../src/errors';
import { GraphBuilder } from '../../../src/graph/builder';
import { randomFloats, randomWeights } from './op-cases';

const failure = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => (error instanceof KinoraError ? error : null),
  );

/** Long enough to be lost in: twelve layers of 128 channels, 64 rows. */
function layers() {
  const weights = randomWeights({ 'l.weight': [128, 128], 'l.bias': [128] }, 1);
  const g = new GraphBuilder('layers', weights);
  let v = g.input('x', ['N', 128]);
  for (let i = 0; i < 12; i++) v = g.gelu(g.weights.linear(v, 'l'), 'tanh');
  g.output('y', v);
  return { graph: g.build(), weights };
}

async function ownDevice(): Promise<GPUDevice> {
  return (await navigator.gpu.requestAdapter())!.requestDevice();
}

// 0 and 5 ms fall into the run, later ones into the read-back, where the browser first says that mapping was aborted.
for (const delayMs of [0, 5, 30, 100])
  it(`a device that is lost ${delayMs} ms into a run is reported as lost, and a new executor works`, async () => {
    const { graph, weights } = layers();
    const device = await ownDevice();
    const executor = await createOrtExecutor({ provider: 'webgpu', precision: 'exact', device });
    const compiled = await executor.compile(graph, weights);
    const x = executor.upload(randomFloats(64 * 128, 2), [64, 128]);
    const before = await executor.download((await compiled.run({ x })).y!);
    const work = async () => {
      for (;;) await executor.download((await compiled.run({ x })).y!);
    };
    setTimeout(() => device.destroy(), delayMs);
    expect((await failure(work()))?.code).toBe('device-lost');
    await executor.dispose();

    const next = await createOrtExecutor({ provider: 'webgpu', precision: 'exact' });
    const again = await next.compile(graph, weights);
    const result = await again.run({ x: next.upload(randomFloats(64 * 128, 2), [64, 128]) });
    expect(await next.download(result.y!)).toEqual(before);
    await next.dispose();
  });

it('a call that hangs when its device is lost ends in an error, and the runtime is given up', async () => {
  const device = await ownDevice();
  let stuck = 0;
  const memory = gpuMemory({} as OrtModule, device, { owned: true, onStuck: () => stuck++, stuckMs: 50 });
  const error = failure(memory.guard(() => new Promise(() => undefined)));
  device.destroy();
  expect((await error)?.code).toBe('device-lost');
  expect(stuck).toBe(1);
});

// Last: what is given up here stays so for this page.
it('an abandoned runtime refuses what waits for it; later executors use the other build', async () => {
  const build = webGpuBuild();
  expect(build).toBe('jspi');
  const runtime = await startRuntime(build);
  runtime.abandon();
  expect((await failure(runtime.exclusively(async () => undefined)))?.code).toBe('device-lost');
  expect(webGpuBuild()).toBe('asyncify');
  const executor = await createOrtExecutor({ provider: 'webgpu', precision: 'exact' });
  expect(executor.plan.build).toMatch(/asyncify$/);
  const { graph, weights } = layers();
  const compiled = await executor.compile(graph, weights);
  const { y } = await compiled.run({ x: executor.upload(randomFloats(64 * 128, 2), [64, 128]) });
  expect(y!.shape).toEqual([64, 128]);
  await executor.dispose();
  (await startRuntime('asyncify')).abandon();
  expect(() => webGpuBuild()).toThrow(/does not answer/);
});
