import { expect, test } from 'vitest';
import { arenaBytes } from '../../../src/backends/wgsl/arena';
import { planGraph } from '../../../src/backends/wgsl/compiled-graph';
import type { DeviceTraits } from '../../../src/backends/wgsl/tuning/traits';
import { GraphBuilder } from '../../../src/graph/builder';
import { randomWeights } from './random-weights';

const TRAITS: DeviceTraits = { software: false, f16: false, int8: false, subgroups: 0 };
const [TOKENS, WIDTH, HIDDEN] = [32_760, 64, 5120];

/** A feed-forward block as Wan has it, on the tokens of a clip of 832 x 480 x 81, a twenty-fourth as wide. */
function feedForward(type: 'F32' | 'Q8_0' = 'F32') {
  const weights = randomWeights({ 'a.weight': [HIDDEN, WIDTH], 'b.weight': [WIDTH, HIDDEN] }, type);
  const g = new GraphBuilder('block', weights);
  const x = g.input('x', [1, TOKENS, WIDTH]);
  const gate = g.input('gate', [1, 1, WIDTH]);
  const hidden = g.gelu(g.weights.linear(g.layerNorm(x, 1e-6), 'a', { bias: false }), 'tanh');
  g.output('y', g.gatedAdd(x, g.weights.linear(hidden, 'b', { bias: false }), gate));
  return g.build();
}

test('feed-forward activations of a long clip are never whole: made and used up in parts of at most 128 MiB', () => {
  const { kernels, memory } = planGraph(feedForward(), {}, { traits: TRAITS, choices: {} });
  const whole = 4 * TOKENS * HIDDEN;
  expect(whole).toBeGreaterThan(600e6);
  const [largest] = arenaBytes([memory.slotBytes]);
  expect(largest).toBeLessThanOrEqual(128 * 2 ** 20);
  expect(memory.slotBytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(whole / 4);
  const products = kernels.filter(({ shader }) => shader === 'gemm');
  // Made, then used up, part by part; every row once.
  expect(products.map(({ params }) => params[1])).toEqual(products.map((_, index) => (index % 2 === 0 ? HIDDEN : WIDTH)));
  const rows = products.filter((_, index) => index % 2 === 0).map(({ params }) => params[0] as number);
  expect(rows.length).toBe(5);
  expect(rows.reduce((sum, count) => sum + count, 0)).toBe(TOKENS);
  // What is read and written whole is read and written where each part lies.
  let first = 0;
  for (const [index, count] of rows.entries()) {
    expect(products[2 * index + 1]!.output).toMatchObject({ offset: 4 * WIDTH * first, sizeBytes: 4 * WIDTH * count });
    first += count;
  }
});

test('in int8 too, with what is quantized for it', () => {
  const { kernels, memory } = planGraph(feedForward('Q8_0'), {}, { traits: { ...TRAITS, int8: true }, choices: {} });
  expect(kernels.some(({ shader }) => shader === 'gemm-int8')).toBe(true);
  expect(Math.max(...memory.slotBytes)).toBeLessThanOrEqual(128 * 2 ** 20);
});

test('what is read row by row and also whole stays whole, and so does what is wanted whole', () => {
  const weights = randomWeights({ 'a.weight': [HIDDEN, WIDTH] });
  const g = new GraphBuilder('whole', weights);
  const wide = g.weights.linear(g.input('x', [1, TOKENS, WIDTH]), 'a', { bias: false });
  g.output('y', g.attention(g.relu(wide), wide, wide, { heads: 40, scale: 1 }));
  const { memory } = planGraph(g.build(), {}, { traits: TRAITS, choices: {} });
  expect(Math.max(...memory.slotBytes)).toBe(4 * TOKENS * HIDDEN);
});
