import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/graph/builder';
import type { KernelChoices } from '../../../src/backends/wgsl/tuning/choice';
import type { Precision } from '../../../src/graph/executor';
import type { Value, WeightSource } from '../../../src/graph/types';
import { sharePipelines, testExecutor } from './device';
import { evaluate, type Case } from './evaluate';
import { randomWeights } from './random-weights';

/** Every kernel that can be divided, larger than `bindingBytes` in every operand that may be, on ragged sizes. */
const CASES: readonly (Case & { readonly name: string; readonly bindingBytes: number })[] = [
  {
    name: 'an embedding table',
    bindingBytes: 4096,
    inputs: { ids: [20] },
    ids: 103,
    weights: { 'e.weight': [103, 32] }, // of 128 bytes a row: windows of 26
    build: (g, { ids }) => g.weights.embedding(ids!, 'e'),
  },
  ...(['F32', 'F16', 'Q8_0', 'Q4_0', 'Q4_K'] as const).map((type) => ({
    name: `a ${type} linear by columns, and by rows of its activations`,
    bindingBytes: 70_000, // 64 rows of x, r and y
    inputs: { x: [3, 50, 256], r: [3, 50, 261], gate: [3, 1, 261] },
    weights: { 'w.weight': [261, 256], 'w.bias': [261] },
    type,
    build: (g: GraphBuilder, { x, r, gate }: Parameters<Case['build']>[1]) =>
      g.gatedAdd(r!, g.gelu(g.weights.linear(x!, 'w'), 'tanh'), gate!),
  })),
  {
    name: 'a feed-forward block, a part of its tokens at a time',
    bindingBytes: 140_000, // 64 tokens of 512 channels
    inputs: { x: [1, 150, 64], gate: [1, 1, 64] },
    weights: { 'a.weight': [512, 64], 'a.bias': [512], 'b.weight': [64, 512], 'b.bias': [64] },
    type: 'Q8_0',
    build: (g, { x, gate }) => {
      const hidden = g.gelu(g.weights.linear(g.layerNorm(x!, 1e-6), 'a'), 'tanh');
      return g.gatedAdd(x!, g.weights.linear(hidden, 'b'), gate!);
    },
  },
  {
    name: 'norms, modulation and rotation by rows',
    bindingBytes: 24_000,
    inputs: { x: [3, 50, 80], shift: [3, 1, 80], scale: [3, 1, 80], cos: [3, 50, 20], sin: [3, 50, 20] },
    weights: { 'n.weight': [80] },
    build: (g, { x, shift, scale, cos, sin }) => {
      const turned = g.rope(g.weights.rmsNorm(x!, 'n', 1e-6), cos!, sin!, 2);
      return g.add(g.rope(turned, cos!, sin!, 2), g.modulate(g.layerNorm(x!, 1e-6), shift!, scale!));
    },
  },
  {
    name: 'elementwise ops by elements, and by their first axis where inputs are broadcast',
    bindingBytes: 8192,
    inputs: { x: [7, 9, 64], row: [1, 1, 64], y: [7, 1, 64] },
    build: (g, { x, row, y }) => g.tanh(g.mul(g.add(g.scale(x!, 1.5), row!), y!)),
  },
  {
    name: 'copies by their outermost axis',
    bindingBytes: 16_384,
    inputs: { x: [6, 8, 8, 16], memory: [1, 8, 8, 16] }, // 4096 bytes a frame
    build: (g, { x, memory }) => {
      const shuffled = g.pixelUnshuffle(g.upsampleNearest(g.pixelShuffle(g.shiftFrames(x!, memory!), 2), 2), 2); // [6, 8, 16, 32]
      const turned = g.slice(g.slice(g.transpose(shuffled, [0, 1, 3, 2]), 2, 0, 8), 3, 0, 16); // [6, 8, 8, 16]
      return g.slice(g.concat([x!, turned], 1), 2, 1, 7);
    },
  },
  {
    name: 'attention by queries',
    bindingBytes: 20_000,
    inputs: { q: [133, 48], k: [70, 48], v: [70, 48] },
    build: (g, { q, k, v }) => g.attention(q!, k!, v!, { heads: 2, scale: 0.2 }),
  },
  // [queries, keys, heads, dim]: ragged, one, prime, one over a tile; a key is 4 · heads · dim bytes.
  ...(
    [
      ['self-attention by keys and queries', 70_000, 149, 149, 2, 64, false],
      ['cross-attention by keys, one query', 40_000, 1, 193, 1, 64, false],
      ['wide heads by keys, one over a tile', 70_000, 33, 129, 2, 128, false],
      ['attention by keys, with a bias by queries', 70_000, 67, 257, 3, 64, true],
      ['wide heads with a bias by heads, and by keys', 70_000, 67, 67, 5, 128, true],
      ['attention with a bias by queries of a head', 20_000, 101, 101, 2, 16, true],
      ['attention with a bias of which a query’s row is over', 4_096, 3, 1201, 2, 32, true],
    ] as const
  ).map(([name, bindingBytes, queries, keys, heads, dim, biased]) => ({
    name,
    bindingBytes,
    inputs: {
      q: [queries, heads * dim],
      k: [keys, heads * dim],
      v: [keys, heads * dim],
      ...(biased ? { bias: [heads, queries, keys] } : {}),
    },
    build: (g: GraphBuilder, { q, k, v, bias }: Parameters<Case['build']>[1]) =>
      g.attention(q!, k!, v!, { heads, scale: 0.5 }, ...(bias ? [bias] : [])),
  })),
  {
    name: 'convolutions by frames, with the frame before and a residual',
    bindingBytes: 8192,
    inputs: { x: [5, 4, 16, 8], memory: [1, 4, 16, 8] }, // 2048 bytes a frame
    weights: { 'c.weight': [4, 8, 3, 3], 'c.bias': [4], 'd.weight': [12, 4, 3, 3], 'd.bias': [12] },
    build: (g, { x, memory }) => {
      const y = g.relu(g.add(g.weights.conv2d(g.concat([x!, g.shiftFrames(x!, memory!)], 1), 'c'), x!));
      return g.pixelShuffle(g.weights.conv2d(y, 'd'), 2);
    },
  },
  {
    name: 'a convolution by output channels',
    bindingBytes: 8192, // x 4620, y 26180
    inputs: { x: [1, 3, 11, 35] },
    weights: { 'c.weight': [17, 3, 3, 3], 'c.bias': [17] },
    build: (g, { x }) => g.relu(g.weights.conv2d(x!, 'c')),
  },
  {
    name: 'a convolution by channels on both sides, with the frame before, a residual and a limit',
    bindingBytes: 16_384, // planes of 1540
    inputs: { x: [3, 12, 11, 35], memory: [1, 12, 11, 35] },
    weights: { 'c.weight': [12, 24, 3, 3], 'c.bias': [12] },
    build: (g, { x, memory }) => g.clamp(g.relu(g.add(g.weights.conv2d(g.concat([x!, g.shiftFrames(x!, memory!)], 1), 'c'), x!)), 0.1, 0.9),
  },
  {
    name: 'a convolution with two tensors side by side, then its channels as pixels',
    bindingBytes: 8192, // planes of 1020; y 4080
    inputs: { x: [2, 5, 15, 17], other: [2, 7, 15, 17] },
    weights: { 'c.weight': [12, 12, 3, 3] },
    build: (g, { x, other }) => g.pixelShuffle(g.weights.conv2d(g.concat([x!, other!], 1), 'c', { bias: false }), 2),
  },
  {
    name: 'a convolution by rows, with the rows round them',
    bindingBytes: 4096, // planes of 8140
    inputs: { x: [2, 3, 37, 55], other: [2, 2, 37, 55] },
    weights: { 'c.weight': [3, 3, 3, 3], 'c.bias': [3], 'd.weight': [8, 3, 3, 3] },
    build: (g, { x, other }) => {
      const y = g.add(g.weights.conv2d(x!, 'c'), x!);
      const shuffled = g.pixelShuffle(g.weights.conv2d(y, 'd', { bias: false }), 2); // [2, 2, 74, 110]
      return g.concat([g.slice(g.slice(shuffled, 2, 0, 37), 3, 0, 55), other!], 1);
    },
  },
  {
    name: 'convolutions that halve and enlarge, by rows',
    bindingBytes: 4096, // planes of 6400, 1600, 14400
    inputs: { x: [1, 5, 40, 40] },
    weights: { 'c.weight': [9, 5, 3, 3], 'c.bias': [9], 'd.weight': [3, 9, 3, 3] },
    build: (g, { x }) => {
      const y = g.weights.conv2d(x!, 'c', { stride: 2 }); // [1, 9, 20, 20]
      return g.relu(g.weights.conv2d(g.upsampleNearest(y, 3), 'd', { bias: false }));
    },
  },
  {
    name: 'convolutions by kernel rows and input channels of their weights, on two tensors, then one frame after another',
    bindingBytes: 4096, // an input channel's weights are 1440; x2 is within the limit
    inputs: { x: [2, 7, 3, 5], other: [2, 5, 3, 5] },
    weights: { 'c.weight': [36, 12, 3, 3], 'c.bias': [36], 'd.weight': [8, 36, 1, 1] },
    build: (g, { x, other }) => {
      const y = g.relu(g.weights.conv2d(g.concat([x!, other!], 1), 'c')); // [2, 36, 3, 5]
      return g.weights.conv2d(y, 'd', { padding: 0, bias: false });
    },
  },
  {
    name: 'a weight used as a value',
    bindingBytes: 4096,
    inputs: { x: [70, 32] },
    weights: { table: [70, 32] },
    build: (g, { x }) => {
      const table = g.weights.weight('table');
      return g.add(g.attention(table, x!, x!, { heads: 1, scale: 0.5 }), g.transpose(g.reshape(table, [32, 70]), [1, 0]));
    },
  },
  {
    name: 'moves whose outermost axes differ',
    bindingBytes: 4096,
    inputs: { x: [31, 37, 13], y: [1, 2, 23, 29] },
    build: (g, { x, y }) => {
      const turned = g.transpose(x!, [2, 0, 1]); // [13, 31, 37]
      const enlarged = g.slice(g.reshape(g.upsampleNearest(y!, 3), [2, 69, 87]), 1, 0, 31); // [2, 31, 87]
      return g.concat([turned, g.slice(enlarged, 2, 0, 37)], 0);
    },
  },
];

/**
 * What is larger than a binding may be is divided, and gives the bits that it gives undivided. `fast` is for hardware's kernels alone; `choices`
 * are configurations of theirs, `only` names the cases to run.
 */
export function splitSuite(precision: Precision = 'exact', choices: KernelChoices = {}, only = /./): void {
  describe('over the binding limit', () => {
    let device: GPUDevice;
    beforeAll(async () => {
      ({ device } = await testExecutor());
      sharePipelines(device);
    });
    afterAll(() => device.destroy());

    for (const { name, bindingBytes, ...networkCase } of CASES.filter((each) => only.test(each.name)))
      for (const software of precision === 'fast' ? [false] : [true, false])
        test(`${name} (${software ? 'kernels of CPU adapters' : 'tiles'})`, async () => {
          const weights = randomWeights(networkCase.weights ?? {}, networkCase.type);
          const options = { device, software, precision, ...(software ? {} : { choices }) };
          const { executor: whole } = await testExecutor(options);
          const { executor: cut } = await testExecutor({ ...options, limits: { bindingBytes } });
          expect(cut.plan.precision).toBe(precision);
          device.pushErrorScope('validation');
          const bound = await watchBindings(device, () => evaluate(cut, networkCase, weights));
          expect(await device.popErrorScope()).toBeNull();
          const undivided = await watchBindings(device, () => evaluate(whole, networkCase, weights));
          expect(bound.result).toEqual(undivided.result);
          expect(cut.liveBuffers).toBe(0);
          expect(Math.max(...bound.sizes)).toBeLessThanOrEqual(bindingBytes);
          expect(bound.sizes.length).toBeGreaterThan(undivided.sizes.length);
          await cut.dispose();
          await whole.dispose();
        });
  });

  if (precision === 'fast') return; // what follows has the same kernels on every driver

  test('parts that are sent off in many submissions give the same bits', async () => {
    const weights = randomWeights({ 'c.weight': [8, 64, 3, 3] });
    const network: Case = {
      inputs: { q: [128, 64], k: [210, 64], v: [210, 64] },
      build: (g, { q, k, v }) =>
        g.weights.conv2d(g.reshape(g.attention(q!, k!, v!, { heads: 2, scale: 0.5 }), [1, 64, 8, 16]), 'c', { bias: false }),
    };
    const whole = await testExecutor({ software: true });
    let submissions = 0;
    const cut = await testExecutor({
      software: true,
      limits: { bindingBytes: 20_000 }, // 78 tokens; 38 planes of the picture
      submissionMs: 0.01,
      onSubmission: () => submissions++,
    });
    expect(await evaluate(cut.executor, network, weights)).toEqual(await evaluate(whole.executor, network, weights));
    expect(submissions).toBeGreaterThan(12); // dispatches: two parts of the queries by three of the keys, three kernel rows by two parts of the channels
    whole.device.destroy();
    cut.device.destroy();
  });

  test('what parts of an attention hand on is in the plan, and no more is allocated', async () => {
    const [queries, keys, width] = [70, 150, 128]; // 2 heads
    const { executor, device } = await testExecutor({ software: true, limits: { bindingBytes: 64 * 4 * width } });
    const g = new GraphBuilder('attention', randomWeights({}));
    const [q, k, v] = [g.input('q', [queries, width]), g.input('k', [keys, width]), g.input('v', [keys, width])];
    g.output('y', g.attention(q, k, v, { heads: 2, scale: 0.1 }));
    const graph = g.build();
    const f32 = (...shape: number[]) => ({ shape, type: 'f32' as const });
    const plan = executor.estimateMemory(graph, { q: f32(queries, width), k: f32(keys, width), v: f32(keys, width) });
    expect(plan.slotBytes).toEqual([8 * 2 * 64]); // a maximum and a sum for each head of as many queries as run together
    const compiled = await executor.compile(graph, randomWeights({}));
    const tensors = { q: zeros(queries), k: zeros(keys), v: zeros(keys) };
    const { y } = await compiled.run(tensors);
    await executor.download(y!);
    const planned = plan.weightBytes + plan.paramBytes + plan.intermediateBytes + plan.inputBytes + plan.outputBytes;
    expect(executor.peakBytes).toBeLessThanOrEqual(planned + 4 * queries * width); // and the copy that is read
    // What hands on can be timed too.
    const timings = await executor.tune!();
    expect(timings.map(({ key, timings: timed, refused }) => [key, timed.length, refused])).toEqual([['attention.64.short', 2, []]]);
    for (const tensor of [y!, ...Object.values(tensors)]) tensor.dispose();
    await compiled.dispose();
    expect(executor.liveBuffers).toBe(0);
    device.destroy();

    function zeros(rows: number) {
      return executor.upload(new Float32Array(rows * width), [rows, width]);
    }
  });

  test('what cannot be divided is refused by name before anything is read', async () => {
    const { executor, device } = await testExecutor({ limits: { bindingBytes: 4096 } });
    // A kernel row of one input channel is 3 · 512 weights; a bias is read whole.
    const weights = randomWeights({ 'c.weight': [512, 2, 3, 3], 'l.weight': [2048, 4], 'l.bias': [2048], 'm.weight': [2, 2048] });
    let reads = 0;
    const counted: WeightSource = { ...weights, readF32: (name) => (reads++, weights.readF32(name)) };
    for (const [message, build] of [
      ['A row of c.weight needs 6400 bytes', (g) => g.weights.conv2d(g.input('x', [1, 2, 4, 4]), 'c', { bias: false })],
      ['l.bias needs 8192 bytes', (g) => g.weights.linear(g.input('x', [3, 4]), 'l')],
      ['A row of m.weight needs 8192 bytes', (g) => g.weights.linear(g.input('x', [3, 2048]), 'm', { bias: false })],
    ] as [string, (g: GraphBuilder) => Value][]) {
      const g = new GraphBuilder('refused', counted);
      g.output('y', build(g));
      await expect(executor.compile(g.build(), counted)).rejects.toMatchObject({
        code: 'out-of-memory',
        message: expect.stringContaining(message),
      });
    }
    expect(reads).toBe(0);
    expect(executor.liveBuffers).toBe(0);
    device.destroy();
  });

  test('a large matrix is read in parts', async () => {
    const { executor, device } = await testExecutor({ limits: { bindingBytes: 128 * 64 } });
    const stored = randomWeights({ 'e.weight': [512, 32] }, 'F16');
    const read: number[] = [];
    const weights: WeightSource = {
      ...stored,
      read: () => Promise.reject(new Error('read whole')),
      parts: {
        read: async (name, offset, size) => (read.push(size), (await stored.read(name)).subarray(offset, offset + size)),
        readF32: () => Promise.reject(new Error('not stored as f32')),
      },
    };
    const g = new GraphBuilder('table', weights);
    g.output('y', g.weights.embedding(g.input('ids', [3], 'i32'), 'e'));
    const compiled = await executor.compile(g.build(), weights);
    const ids = executor.upload(Int32Array.from([0, 300, 511]), [3]);
    const { y } = await compiled.run({ ids });
    const rows = (await executor.download(y!)) as Float32Array;
    const table = await stored.readF32('e.weight');
    expect(rows).toEqual(Float32Array.from([0, 300, 511].flatMap((row) => [...table.subarray(row * 32, (row + 1) * 32)])));
    expect(read).toEqual([8192, 8192, 8192, 8192]);
    device.destroy();
  });
}

/** What `run` gives, and the sizes of all storage bindings that it makes on a device. */
async function watchBindings<T>(device: GPUDevice, run: () => Promise<T>): Promise<{ result: T; sizes: number[] }> {
  const sizes: number[] = [];
  const create = device.createBindGroup;
  device.createBindGroup = (descriptor) => {
    for (const { binding, resource } of descriptor.entries) {
      const { buffer, offset = 0, size } = resource as GPUBufferBinding;
      if (binding > 0) sizes.push(size ?? buffer.size - offset);
    }
    return create.call(device, descriptor);
  };
  try {
    return { result: await run(), sizes };
  } finally {
    device.createBindGroup = create;
  }
}
