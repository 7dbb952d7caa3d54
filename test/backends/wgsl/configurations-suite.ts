import { describe, expect, test } from 'vitest';
import { attentionConfigurations } from '../../../src/backends/wgsl/tuning/attention';
import { convolutionConfigurations } from '../../../src/backends/wgsl/tuning/conv2d';
import { gemmConfigurations } from '../../../src/backends/wgsl/tuning/gemm';
import { deviceTraits } from '../../../src/backends/wgsl/tuning/traits';
import type { Precision } from '../../../src/graph/executor';
import { testExecutor } from './device';
import { expectParity, type Case } from './evaluate';

/** Of the result's root mean square, at most: f32 sums in another order; f16 products of four; int8 activations, s / 2 of s = max / 127. */
const TOLERANCES = { f32: 2e-5, f16: 1e-2, int8: 3e-2 } as const;

const LINEARS = [
  { m: 5, n: 7, k: 32 },
  { m: 33, n: 65, k: 96 },
  { m: 131, n: 97, k: 64 },
] as const;

/**
 * Every configuration of every kernel that `navigator.gpu` can run as hardware would, against the reference, on ragged sizes. `heads` are the head
 * sizes to try attention on, `fits` leaves out what takes an adapter too long to compile.
 */
export async function configurationsSuite(
  precision: Precision,
  { heads, fits = () => true }: { readonly heads: readonly number[]; readonly fits?: (spelledOut: number) => boolean },
): Promise<void> {
  const probe = await testExecutor();
  const traits = deviceTraits(probe.device, { software: false, precision });
  probe.device.destroy();

  const check = async (key: string, configuration: string, test: Case, tolerance: number, wrong = 0) => {
    const made = await testExecutor({ software: false, precision, choices: { [key]: configuration } });
    try {
      expect(made.executor.plan.variants[key]).toBe(configuration);
      expect(await expectParity(test, tolerance, made)).toBeGreaterThanOrEqual(wrong);
    } finally {
      made.device.destroy();
    }
  };

  describe('linear', () => {
    for (const { m, n, k } of LINEARS)
      for (const [type, format] of [
        ['Q8_0', 'i8g32'],
        ['F16', 'f16'],
      ] as const) {
        const rows = m <= 8 ? 'few' : m <= 64 ? 'some' : 'many';
        const first = new Set<string>();
        for (const { name, arithmetic } of gemmConfigurations(traits, m, type === 'Q8_0' && rows !== 'few')) {
          // Tiles and arithmetic do not depend on each other: each tile once, in the arithmetic that the suite is for, and each arithmetic once.
          const thorough =
            type === 'Q8_0' && arithmetic === (precision === 'fast' ? 'f16' : 'f32') && (precision === 'fast' || rows === 'many');
          if (!thorough && (first.has(arithmetic) || (precision === 'fast' && arithmetic === 'f32'))) continue;
          first.add(arithmetic);
          test(`${type} of ${m} x ${k} x ${n}: ${name}`, () =>
            check(
              `gemm.${format}.${rows}`,
              name,
              {
                inputs: { x: [1, m, k], r: [1, m, n], gate: [1, 1, n] },
                weights: { 'w.weight': [n, k], 'w.bias': [n] },
                type,
                build: (g, { x, r, gate }) => g.gatedAdd(r!, g.gelu(g.weights.linear(x!, 'w'), 'tanh'), gate!),
              },
              TOLERANCES[arithmetic],
              arithmetic === 'f32' ? 0 : 1e-6,
            ));
        }
      }
  });

  describe('attention', () => {
    for (const dim of heads)
      for (const configuration of attentionConfigurations(traits, dim)) {
        if (configuration.kind !== 'tiled') throw new Error('hardware has tiles');
        const { name, arithmetic, split, step } = configuration;
        if (!fits((dim / 4 / split) * step) || (precision === 'fast' && arithmetic === 'f32')) continue;
        test(`heads of ${dim}: ${name}`, () =>
          check(
            `attention.${dim}.short`,
            name,
            {
              inputs: { q: [35, 2 * dim], k: [37, 2 * dim], v: [37, 2 * dim], bias: [2, 35, 37] },
              build: (g, { q, k, v, bias }) => g.attention(q!, k!, v!, { heads: 2, scale: dim ** -0.5 }, bias!),
            },
            TOLERANCES[arithmetic],
          ));
      }
  });

  describe('convolution', () => {
    for (const { name } of convolutionConfigurations(traits))
      test(name, () =>
        check(
          'conv2d.3.wide',
          name,
          {
            inputs: { x: [3, 4, 5, 11], memory: [1, 4, 5, 11] },
            weights: { 'c.weight': [12, 8, 3, 3], 'c.bias': [12] },
            build: (g, { x, memory }) => g.relu(g.weights.conv2d(g.concat([x!, g.shiftFrames(x!, memory!)], 1), 'c')),
          },
          TOLERANCES[traits.f16 ? 'f16' : 'f32'],
        ),
      );
  });

  test('a configuration that does not exist is refused', async () => {
    const made = await testExecutor({ software: false, precision, choices: { 'gemm.f32.few': 'imagined' } });
    const linear: Case = {
      inputs: { x: [2, 8] },
      weights: { 'w.weight': [4, 8] },
      build: (g, { x }) => g.weights.linear(x!, 'w', { bias: false }),
    };
    await expect(expectParity(linear, 1, made)).rejects.toMatchObject({ code: 'unsupported' });
    made.device.destroy();
  });
}
