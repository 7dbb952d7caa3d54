import { afterAll, describe, expect, it } from 'vitest';
import { createOrtExecutor, probeWebGpu } from '../../../src/backends/ort';
import { openSessionCount } from '../../../src/backends/ort/runtime';
import { liveTensorCount } from '../../../src/backends/ort/tensors';
import { KinoraError } from '../../../src/errors';
import { GraphBuilder } from '../../../src/graph/builder';
import { createReferenceExecutor } from '../../../src/graph/reference';
import { OPS } from '../../../src/graph/ops';
import { opCases, randomFloats, randomWeights, type OpCase } from './op-cases';
import { relativeError, rmsError, runCase } from './parity';
import { quantizedWeights } from './quantized-weights';

/** GPU sums are in f32 and in another order; SwiftShader's exp and tanh are exact to a few units of f32 only. */
const EXACT = 2e-5;

const executor = await createOrtExecutor({ provider: 'webgpu', precision: 'exact' });
const reference = createReferenceExecutor();
afterAll(() => executor.dispose());

it('says which adapter there is, and that it is software', async () => {
  const probe = await probeWebGpu();
  expect(probe).toMatchObject({ available: true, software: true });
  expect(probe.adapter).toMatch(/swiftshader/i);
  expect(executor.plan).toMatchObject({ backend: 'ort-webgpu', adapter: probe.adapter, threads: 1 });
  expect(executor.plan.build).toMatch(/(jspi|asyncify)$/);
});

describe('ops on WebGPU are as the reference executor has them', () => {
  // A software adapter compiles a shader for every shape, seconds each: one ragged case of each op, three of attention.
  const cases = opCases();
  const chosen = Object.keys(OPS).flatMap((op) => {
    const all = cases.filter((opCase) => opCase.op === op);
    return all.slice(op === 'attention' ? -3 : -1);
  });
  for (const opCase of chosen)
    it(opCase.name, async () => {
      const [actual, expected] = [await runCase(executor, opCase), await runCase(reference, opCase)];
      expect(actual.shape).toEqual(expected.shape);
      expect(relativeError(actual.data, expected.data)).toBeLessThanOrEqual(EXACT);
    });
});

for (const [channels, outputs] of [
  [6, 4],
  [9, 8],
  [33, 36],
  [66, 36],
] as const)
  it(`a convolution of ${channels} channels to ${outputs} is right, where ONNX Runtime's own is not`, async () => {
    const weights = randomWeights({ 'c.weight': [outputs, channels, 3, 3], 'c.bias': [outputs] }, 8);
    const g = new GraphBuilder('conv', weights);
    g.output('y', g.weights.conv2d(g.input('x', ['T', channels, 'h', 'w']), 'c'));
    const data = randomFloats(2 * channels * 35, 9);
    const opCase: OpCase = {
      op: 'conv2d',
      name: 'conv2d',
      graph: g.build(),
      weights,
      inputs: { x: { shape: [2, channels, 5, 7], type: 'f32', data } },
    };
    const [actual, expected] = [await runCase(executor, opCase), await runCase(reference, opCase)];
    expect(relativeError(actual.data, expected.data)).toBeLessThanOrEqual(EXACT);
  });

function attentionCase(tokens: number): OpCase {
  const weights = randomWeights({}, 1);
  const g = new GraphBuilder('attention', weights);
  const [q, k, v] = ['q', 'k', 'v'].map((name) => g.input(name, ['N', 32]));
  g.output('y', g.attention(q!, k!, v!, { heads: 2, scale: 0.25 }));
  const inputs = ['q', 'k', 'v'].map(
    (name, i) => [name, { shape: [tokens, 32], type: 'f32', data: randomFloats(tokens * 32, i + 1) }] as const,
  );
  return { op: 'attention', name: 'attention', graph: g.build(), weights, inputs: Object.fromEntries(inputs) };
}

for (const type of ['Q8_0', 'Q4_0'] as const)
  it(`${type} weights are unpacked in the kernel`, async () => {
    const weights = quantizedWeights({ 'l.weight': [48, 64], 'l.bias': [48] }, type, 3);
    const g = new GraphBuilder('linear', weights);
    g.output('y', g.weights.linear(g.input('x', ['N', 64]), 'l'));
    const opCase: OpCase = {
      op: 'linear',
      name: type,
      graph: g.build(),
      weights,
      inputs: { x: { shape: [9, 64], type: 'f32', data: randomFloats(9 * 64, 4) } },
    };
    const [actual, expected] = [await runCase(executor, opCase), await runCase(reference, opCase)];
    expect(relativeError(actual.data, expected.data)).toBeLessThanOrEqual(EXACT);
  });

it('fast arithmetic stays within its budget', async () => {
  const fast = await createOrtExecutor({ provider: 'webgpu', precision: 'fast' });
  const weights = quantizedWeights({ 'l.weight': [64, 128], 'l.bias': [64] }, 'Q8_0', 11);
  const g = new GraphBuilder('linear', weights);
  g.output('y', g.weights.linear(g.input('x', ['N', 128]), 'l'));
  const inputs = { x: { shape: [33, 128], type: 'f32', data: randomFloats(33 * 128, 12) } } as const;
  const opCase: OpCase = { op: 'linear', name: 'linear', graph: g.build(), weights, inputs };
  const [actual, expected] = [await runCase(fast, opCase), await runCase(reference, opCase)];
  expect(rmsError(actual.data, expected.data)).toBeLessThanOrEqual(1.5e-2);
  await fast.dispose();
});

it('finds out where the fused attention is wrong, and does without it', async () => {
  const adapter = await navigator.gpu.requestAdapter();
  expect(adapter!.info.subgroupMinSize).toBeLessThan(8); // what makes the kernel fail
  const device = await adapter!.requestDevice({ requiredFeatures: ['subgroups'] });
  const own = await createOrtExecutor({ provider: 'webgpu', precision: 'exact', device });
  const opCase = attentionCase(70);
  const [actual, expected] = [await runCase(own, opCase), await runCase(reference, opCase)];
  expect(relativeError(actual.data, expected.data)).toBeLessThanOrEqual(EXACT);
  expect(own.plan.variants.attention).toBe('plain');
  expect(executor.plan.variants.attention).toBe('fused'); // a device without subgroups is right
  await own.dispose();
  device.destroy();
});

it('takes runs that overlap in turn: on one session, on two, and on two executors', async () => {
  const second = await createOrtExecutor({ provider: 'webgpu', precision: 'exact' });
  const opCase = attentionCase(40);
  const alone = (await runCase(executor, opCase)).data;
  const compiled = await executor.compile(opCase.graph, opCase.weights);
  const inputs = Object.fromEntries(Object.entries(opCase.inputs).map(([name, { data, shape }]) => [name, executor.upload(data, shape)]));
  const onOne = async () => executor.download((await compiled.run(inputs)).y!);
  const all = await Promise.all([onOne(), onOne(), onOne(), runCase(executor, opCase), runCase(second, opCase)]);
  for (const result of all) expect('data' in result ? result.data : result).toEqual(alone);
  await compiled.dispose();
  await second.dispose();
});

it('hands outputs on as inputs without leaving the GPU, and leaves nothing behind', async () => {
  const [sessions, tensors] = [openSessionCount(), liveTensorCount()];
  const opCase = attentionCase(16);
  const compiled = await executor.compile(opCase.graph, opCase.weights);
  const x = executor.upload(opCase.inputs.q!.data, [16, 32]);
  const first = (await compiled.run({ q: x, k: x, v: x })).y!;
  const before = await executor.download(first);
  const second = (await compiled.run({ q: first, k: first, v: first })).y!;
  expect(await executor.download(first)).toEqual(before); // not overwritten by a later run
  const expected = await onReference(opCase, before as Float32Array);
  expect(relativeError((await executor.download(second)) as Float32Array, expected)).toBeLessThanOrEqual(EXACT);
  [x, first, second].forEach((tensor) => tensor.dispose());
  await compiled.dispose();
  expect([openSessionCount(), liveTensorCount()]).toEqual([sessions, tensors]);
});

it('keeps outputs when the graph that made them is released, as chains of segments need', async () => {
  const opCase = attentionCase(16);
  const x = executor.upload(opCase.inputs.q!.data, [16, 32]);
  const first = await executor.compile(opCase.graph, opCase.weights);
  const y = (await first.run({ q: x, k: x, v: x })).y!;
  const before = await executor.download(y);
  await first.dispose();
  const second = await executor.compile(opCase.graph, opCase.weights);
  const z = (await second.run({ q: y, k: y, v: y })).y!;
  expect(await executor.download(y)).toEqual(before);
  const expected = await onReference(opCase, before as Float32Array);
  expect(relativeError((await executor.download(z)) as Float32Array, expected)).toBeLessThanOrEqual(EXACT);
  await second.dispose();
  expect(await executor.download(y)).toEqual(before);
  [x, y, z].forEach((tensor) => tensor.dispose());
});

async function onReference({ graph, weights }: OpCase, data: Float32Array): Promise<Float32Array> {
  const compiled = await reference.compile(graph, weights);
  const x = reference.upload(data, [16, 32]);
  return (await reference.download((await compiled.run({ q: x, k: x, v: x })).y!)) as Float32Array;
}

it('says that the device was lost before a run, and not of a new device', async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const own = await createOrtExecutor({ provider: 'webgpu', precision: 'exact', device });
  const opCase = attentionCase(64);
  const compiled = await own.compile(opCase.graph, opCase.weights);
  const inputs = Object.fromEntries(Object.entries(opCase.inputs).map(([name, { data, shape }]) => [name, own.upload(data, shape)]));
  device.destroy();
  await device.lost;
  const error: unknown = await compiled.run(inputs).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(KinoraError);
  expect((error as KinoraError).code).toBe('device-lost');
  await own.dispose();
  expect((await runCase(executor, opCase)).data.every(Number.isFinite)).toBe(true);
});
