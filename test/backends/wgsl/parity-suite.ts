import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WgslExecutor } from '../../../src/backends/wgsl/create-wgsl-executor';
import { testExecutor } from './device';
import { expectParity as compareCase, type Case } from './evaluate';
import { randomNumbers } from './random-weights';

/** Every op and every fused kernel against the reference executor, on `navigator.gpu`. */
export function paritySuite(): void {
  let executor: WgslExecutor;
  let device: GPUDevice;
  /** The kernels of hardware adapters, which go through workgroup memory: any adapter computes them, if slowly. */
  let tiled: WgslExecutor;
  let tiledDevice: GPUDevice;
  beforeAll(async () => {
    ({ executor, device } = await testExecutor());
    ({ executor: tiled, device: tiledDevice } = await testExecutor({ software: false }));
  });
  afterAll(() => {
    device.destroy();
    tiledDevice.destroy();
  });

  const expectParity = (test: Case, tolerance = 1e-5, [target, gpu]: [WgslExecutor, GPUDevice] = [executor, device]) =>
    compareCase(test, tolerance, { executor: target, device: gpu });

  describe('linear', () => {
    for (const type of ['Q4_K', 'Q6_K'] as const)
      for (const [m, k, n] of [
        [1, 256, 1],
        [19, 512, 35],
      ] as const)
        test(`${type} ${m} x ${k} x ${n}`, () =>
          expectParity({
            inputs: { x: [m, k] },
            weights: { 'w.weight': [n, k], 'w.bias': [n] },
            type,
            build: (g, { x }) => g.weights.linear(x!, 'w'),
          }));

    for (const type of ['F32', 'F16', 'Q8_0', 'Q4_0'] as const)
      for (const [m, k, n] of [
        [1, 32, 1],
        [7, 64, 33],
        [33, 96, 31],
        [80, 256, 64],
      ] as const)
        test(`${type} ${m} x ${k} x ${n}`, () =>
          expectParity({
            inputs: { x: [m, k] },
            weights: { 'w.weight': [n, k], 'w.bias': [n] },
            type,
            build: (g, { x }) => g.weights.linear(x!, 'w'),
          }));

    for (const k of [1, 3, 40, 41])
      test(`depth ${k} that is no whole vec4 or tile`, () =>
        expectParity({
          inputs: { x: [5, k] },
          weights: { 'w.weight': [9, k] },
          build: (g, { x }) => g.weights.linear(x!, 'w', { bias: false }),
        }));

    for (const activation of ['gelu', 'gelu_erf', 'silu', 'relu'] as const)
      test(`followed by ${activation} and a gated residual per group of rows`, () =>
        expectParity({
          inputs: { x: [3, 5, 32], r: [3, 5, 17], gate: [3, 1, 17] },
          weights: { 'w.weight': [17, 32], 'w.bias': [17] },
          build: (g, { x, r, gate }) => {
            const y = g.weights.linear(x!, 'w');
            const z =
              activation === 'silu' ? g.silu(y) : activation === 'relu' ? g.relu(y) : g.gelu(y, activation === 'gelu' ? 'tanh' : 'none');
            return g.gatedAdd(r!, z, gate!);
          },
        }));

    test('whose result is also read elsewhere is not fused away', () =>
      expectParity({
        inputs: { x: [4, 8] },
        weights: { 'w.weight': [8, 8], 'w.bias': [8] },
        build: (g, { x }) => {
          const y = g.weights.linear(x!, 'w');
          return g.add(g.relu(y), g.mul(y, x!));
        },
      }));
  });

  describe('attention', () => {
    for (const [nq, nk, heads, dim] of [
      [1, 1, 1, 4],
      [5, 7, 2, 24],
      [67, 33, 3, 64],
      [64, 101, 1, 128],
    ] as const)
      test(`${nq} queries, ${nk} keys, ${heads} x ${dim}`, () =>
        expectParity({
          inputs: { q: [nq, heads * dim], k: [nk, heads * dim], v: [nk, heads * dim], bias: [heads, nq, nk] },
          build: (g, { q, k, v, bias }) =>
            g.add(g.attention(q!, k!, v!, { heads, scale: dim ** -0.5 }), g.attention(q!, k!, v!, { heads, scale: 1 }, bias!)),
        }));
  });

  describe('norms', () => {
    test('through workgroup memory', () =>
      expectParity(
        {
          inputs: { x: [3, 5, 70], shift: [3, 1, 70], scale: [3, 1, 70] },
          weights: { 'n.weight': [70] },
          build: (g, { x, shift, scale }) => g.add(g.weights.rmsNorm(x!, 'n', 1e-5), g.modulate(g.layerNorm(x!, 1e-6), shift!, scale!)),
        },
        1e-5,
        [tiled, tiledDevice],
      ));
    test('layer norm with and without parameters, then modulation', () =>
      expectParity({
        inputs: { x: [3, 5, 70], shift: [3, 1, 70], scale: [3, 1, 70] },
        weights: { 'n.weight': [70], 'n.bias': [70] },
        build: (g, { x, shift, scale }) => g.add(g.weights.layerNorm(x!, 'n', 1e-5), g.modulate(g.layerNorm(x!, 1e-6), shift!, scale!)),
      }));
    // Parts of rows that begin on a binding's boundary are bound where they lie, the others are copied; so are gates.
    for (const width of [64, 48])
      for (const tiles of [false, true])
        test(`modulation and gates for each frame, ${width} wide${tiles ? ', through workgroup memory' : ''}`, () =>
          expectParity(
            {
              inputs: { x: [3, 5, width], modulation: [3, 4, width] },
              weights: { 'w.weight': [width, width], 'w.bias': [width], table: [1, 4, width] },
              build: (g, { x, modulation }) => {
                const [shift, scale, gate, other] = g.chunk(g.add(modulation!, g.weights.weight('table')), 1, 4);
                const h = g.modulate(g.layerNorm(x!, 1e-6), shift!, scale!);
                const y = g.gatedAdd(x!, g.weights.linear(h, 'w'), gate!);
                return g.gatedAdd(g.add(y, other!), g.weights.linear(y, 'w'), gate!);
              },
            },
            1e-5,
            ...(tiles ? [[tiled, tiledDevice] as [WgslExecutor, GPUDevice]] : []),
          ));
    test('rms norm, then rotation', () =>
      expectParity({
        inputs: { x: [2, 5, 48], cos: [2, 5, 12], sin: [2, 5, 12] },
        weights: { 'n.weight': [48] },
        build: (g, { x, cos, sin }) => g.add(g.rope(g.weights.rmsNorm(x!, 'n', 1e-6), cos!, sin!, 2), g.rope(x!, cos!, sin!, 2)),
      }));
  });

  describe('convolution', () => {
    test('with stride and ragged sizes', () =>
      expectParity({
        inputs: { x: [2, 3, 7, 5] },
        weights: { 'c.weight': [11, 3, 3, 3], 'c.bias': [11] },
        build: (g, { x }) => g.weights.conv2d(x!, 'c', { stride: 2 }),
      }));
    test('1 x 1 without padding', () =>
      expectParity({
        inputs: { x: [2, 6, 4, 5] },
        weights: { 'c.weight': [9, 6, 1, 1] },
        build: (g, { x }) => g.weights.conv2d(x!, 'c', { bias: false, padding: 0 }),
      }));
    test('of a clip beside its frames before, with residual and ReLU', () =>
      expectParity({
        inputs: { x: [3, 4, 5, 6], memory: [1, 4, 5, 6] },
        weights: { 'c.weight': [4, 8, 3, 3], 'c.bias': [4] },
        build: (g, { x, memory }) => g.relu(g.add(g.weights.conv2d(g.concat([x!, g.shiftFrames(x!, memory!)], 1), 'c'), x!)),
      }));
    test('of two other tensors side by side', () =>
      expectParity({
        inputs: { a: [2, 3, 4, 4], b: [2, 5, 4, 4] },
        weights: { 'c.weight': [6, 8, 3, 3], 'c.bias': [6] },
        build: (g, { a, b }) => g.weights.conv2d(g.concat([a!, b!], 1), 'c'),
      }));
    test('whose channels become pixels, clamped', () =>
      expectParity({
        inputs: { x: [2, 3, 4, 5] },
        weights: { 'c.weight': [12, 3, 3, 3], 'c.bias': [12] },
        build: (g, { x }) => g.clamp(g.pixelShuffle(g.weights.conv2d(x!, 'c'), 2), -0.5, 0.5),
      }));
    test('of an enlarged picture', () =>
      expectParity({
        inputs: { x: [1, 3, 4, 5] },
        weights: { 'c.weight': [4, 3, 3, 3], 'c.bias': [4] },
        build: (g, { x }) => g.weights.conv2d(g.upsampleNearest(x!, 2), 'c'),
      }));
  });

  describe('moving elements', () => {
    test('shuffles, slices, transposes, concatenates', () =>
      expectParity({
        inputs: { x: [3, 8, 4, 6], memory: [1, 8, 4, 6] },
        build: (g, { x, memory }) => {
          const shuffled = g.pixelUnshuffle(g.upsampleNearest(g.pixelShuffle(g.shiftFrames(x!, memory!), 2), 2), 2); // [3, 8, 8, 12]
          const turned = g.transpose(g.slice(shuffled, 1, -3), [1, 0, 3, 2]); // [3, 3, 12, 8]
          return g.concat([turned, g.slice(turned, 2, 1, 5)], 2);
        },
      }));
    test('cuts into patches and back', () =>
      expectParity({ inputs: { x: [4, 3, 6, 10] }, build: (g, { x }) => g.unpatchify(g.patchify(x!, { patch: 2, merged: true }), x!, 2) }));
    for (const [type, width] of [
      ['F32', 7],
      ['Q8_0', 64],
      ['Q4_0', 32],
      ['Q4_K', 256],
      ['Q6_K', 256],
    ] as const)
      test(`looks rows of an embedding up in ${type}`, () =>
        expectParity({
          inputs: { ids: [9] },
          ids: 13,
          type,
          weights: { 'e.weight': [13, width] },
          build: (g, { ids }) => g.weights.embedding(ids!, 'e'),
        }));
  });

  test('elementwise ops broadcast as NumPy does', () =>
    expectParity({
      inputs: { a: [2, 3, 4], b: [3, 1], c: [4] },
      build: (g, { a, b, c }) => g.tanh(g.clamp(g.mul(g.add(a!, b!), g.scale(c!, 3)), -2, 1.5)),
    }));

  test('combine sums in order; selectFrames takes given frames', async () => {
    const tensor = (seed: number) => executor.upload(randomNumbers(48, seed), [2, 3, 2, 4]);
    const [a, b, c] = [tensor(1), tensor(2), tensor(3)];
    const sum = await executor.combine([
      { tensor: a, coefficient: 2 },
      { tensor: b, coefficient: -1 },
      { tensor: c, coefficient: 0.5 },
    ]);
    const values = (await executor.download(sum)) as Float32Array;
    const expected = randomNumbers(48, 1).map((value, i) => 2 * value - randomNumbers(48, 2)[i]! + 0.5 * randomNumbers(48, 3)[i]!);
    values.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
    const chosen = await executor.selectFrames(a, b, [true, false, true]);
    const frames = (await executor.download(chosen)) as Float32Array;
    frames.forEach((value, i) => expect(value).toBe(randomNumbers(48, Math.floor(i / 8) % 3 === 1 ? 1 : 2)[i]));
    // More terms than a kernel has bindings for.
    const many = await executor.combine(Array.from({ length: 16 }, (_, i) => ({ tensor: [a, b, c][i % 3]!, coefficient: i - 4 })));
    ((await executor.download(many)) as Float32Array).forEach((value, i) => {
      const weighted = Array.from({ length: 16 }, (_, term) => (term - 4) * randomNumbers(48, 1 + (term % 3))[i]!);
      expect(value).toBeCloseTo(
        weighted.reduce((total, part) => total + part, 0),
        4,
      );
    });
    [a, b, c, sum, many, chosen].forEach((each) => each.dispose());
    expect(executor.liveBuffers).toBe(0);
  });
}
