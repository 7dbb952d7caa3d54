import { describe, expect, it } from 'vitest';
import { createOrtExecutor } from '../../../src/backends/ort';
import { GraphBuilder } from '../../../src/graph/builder';
import { createReferenceExecutor } from '../../../src/graph/reference';
import type { Value, WeightSource } from '../../../src/graph/types';
import { randomFloats, type OpCase } from './op-cases';
import { relativeError, rmsError, runCase } from './parity';
import { quantizedWeights } from './quantized-weights';

const reference = createReferenceExecutor();

function linearCase(weights: WeightSource, rows: number, features: number): OpCase {
  const g = new GraphBuilder('linear', weights);
  g.output('y', g.weights.linear(g.input('x', ['N', features]), 'l'));
  return {
    op: 'linear',
    name: 'linear',
    graph: g.build(),
    weights,
    inputs: { x: { shape: [rows, features], type: 'f32', data: randomFloats(rows * features, rows) } },
  };
}

const SHAPES = { 'l.weight': [160, 192], 'l.bias': [160] };

describe('quantized weights', async () => {
  const unpacking = await createOrtExecutor({ provider: 'wasm', precision: 'exact', choices: { linear: 'nbits' } });
  const exact = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
  const fast = await createOrtExecutor({ provider: 'wasm', precision: 'fast' });

  for (const type of ['Q8_0', 'Q4_0'] as const)
    for (const rows of [1, 7, 80])
      it(`${type} is unpacked in the kernel without loss, ${rows} rows`, async () => {
        const opCase = linearCase(quantizedWeights(SHAPES, type, 5), rows, 192);
        const expected = await runCase(reference, opCase);
        expect(relativeError((await runCase(unpacking, opCase)).data, expected.data)).toBeLessThanOrEqual(1e-5);
        expect(relativeError((await runCase(exact, opCase)).data, expected.data)).toBeLessThanOrEqual(1e-5);
      });

  for (const rows of [1, 7, 80])
    it(`int8 arithmetic stays within its budget, ${rows} rows`, async () => {
      const opCase = linearCase(quantizedWeights(SHAPES, 'Q8_0', 6), rows, 192);
      const [actual, expected] = [await runCase(fast, opCase), await runCase(reference, opCase)];
      const error = rmsError(actual.data, expected.data);
      expect(error).toBeLessThanOrEqual(1.5e-2);
      expect(error).toBeGreaterThan(1e-4); // else it was not int8 at all
    });

  it('int8 arithmetic keeps rows apart: a large row beside them changes no bit of the others, and zeros stay zeros', async () => {
    const weights = quantizedWeights({ 'l.weight': [160, 192] }, 'Q8_0', 8);
    const rowsOf = async (scale: number, after: (g: GraphBuilder, x: Value) => Value) => {
      const g = new GraphBuilder('rows', weights);
      g.output('y', g.weights.linear(after(g, g.input('x', ['N', 192])), 'l', { bias: false }));
      const data = randomFloats(3 * 192, 2).map((value, i) => (i < 192 ? value * scale : i < 384 ? value : 0));
      const opCase: OpCase = {
        op: 'linear',
        name: 'rows',
        graph: g.build(),
        weights,
        inputs: { x: { shape: [3, 192], type: 'f32', data } },
      };
      return (await runCase(fast, opCase)).data;
    };
    for (const after of [(_: GraphBuilder, x: Value) => x, (g: GraphBuilder, x: Value) => g.gelu(x, 'tanh')]) {
      const [small, large] = [await rowsOf(1, after), await rowsOf(1000, after)];
      expect(large.subarray(160)).toEqual(small.subarray(160));
      expect(large.subarray(0, 160)).not.toEqual(small.subarray(0, 160));
      expect(large.subarray(320).every((value) => value === 0)).toBe(true);
    }
  });

  it('a Q8_0 table gives the rows that dequantizing it gives, bit for bit', async () => {
    const weights = quantizedWeights({ 'table.weight': [50, 64] }, 'Q8_0', 7);
    const g = new GraphBuilder('embedding', weights);
    g.output('y', g.weights.embedding(g.input('ids', ['N'], 'i32'), 'table'));
    const ids = Int32Array.from([0, 49, 3, 3, 17]);
    const opCase: OpCase = {
      op: 'embedding',
      name: 'embedding',
      graph: g.build(),
      weights,
      inputs: { ids: { shape: [5], type: 'i32', data: ids } },
    };
    expect((await runCase(exact, opCase)).data).toEqual((await runCase(reference, opCase)).data);
  });
});
