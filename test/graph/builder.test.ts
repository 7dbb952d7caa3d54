import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/graph/builder';
import { multiplyAdds } from '../../src/graph/cost';
import { graphWeightBytes, graphWeights } from '../../src/graph/weights';
import { memoryWeights } from './memory-weights';

const WEIGHTS = memoryWeights({
  'blocks.0.ffn.weight': { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] },
  'blocks.0.ffn.bias': { shape: [3], data: [1, 2, 3] },
  'patch.weight': { shape: [3, 2, 1, 2, 2], data: new Float32Array(24) },
  'patch.bias': { shape: [3], data: [0, 0, 0] },
  'table.weight': { shape: [4, 2], data: new Float32Array(8) },
});

describe('GraphBuilder', () => {
  it('writes nodes in order, with the weights of a scope by their full names', () => {
    const g = new GraphBuilder('net', WEIGHTS);
    const x = g.input('x', ['h*T*2', 2]);
    g.output('y', g.relu(g.weights.at('blocks', 0).linear(x, 'ffn')));
    const graph = g.build();
    expect(graph.inputs.map(({ name, value }) => [name, value.shape])).toEqual([['x', ['2*T*h', 2]]]);
    expect(graph.nodes.map((node) => [node.op, node.output.shape])).toEqual([
      ['linear', ['2*T*h', 3]],
      ['relu', ['2*T*h', 3]],
    ]);
    expect(graphWeights(graph)).toEqual([
      { name: 'blocks.0.ffn.weight', shape: [3, 2], type: 'F32' },
      { name: 'blocks.0.ffn.bias', shape: [3], type: 'F32' },
    ]);
    expect(graphWeightBytes(graph, WEIGHTS)).toBe(36);
  });

  it('counts the multiply-adds of linears, convolutions and attention', () => {
    const g = new GraphBuilder(
      'net',
      memoryWeights({
        'c.weight': { shape: [4, 2, 3, 3], data: new Float32Array(72) },
        'l.weight': { shape: [8, 8], data: new Float32Array(64) },
      }),
    );
    g.output('y', g.weights.conv2d(g.input('x', ['T', 2, 'h', 'w']), 'c', { bias: false }));
    const q = g.weights.linear(g.input('q', ['L', 8]), 'l', { bias: false });
    g.output('z', g.attention(q, q, q, { heads: 2, scale: 1 }));
    const inputs = { x: { shape: [1, 2, 5, 5], type: 'f32' }, q: { shape: [7, 8], type: 'f32' } } as const;
    expect(multiplyAdds(g.build(), inputs)).toBe(25 * 4 * 18 + 7 * 8 * 8 + 2 * 7 * 7 * 8);
  });

  it('takes a patch convolution as a linear layer where that is asked for', () => {
    const g = new GraphBuilder('net', WEIGHTS);
    const x = g.input('x', ['T', 8]);
    expect(() => g.weights.linear(x, 'patch')).toThrow(/patch: linear takes a "weight" of 2 dimensions/);
    expect(g.weights.linear(x, 'patch', { flatten: true }).shape).toEqual(['T', 3]);
    expect(() => g.weights.ref('patch.weight', [3, 9])).toThrow(/patch.weight has the shape \[3, 2, 1, 2, 2\]/);
  });

  it('names the layer whose weights do not fit, and the weight that is missing', () => {
    const g = new GraphBuilder('net', WEIGHTS);
    expect(() => g.weights.at('blocks', 0).linear(g.input('x', ['T', 5]), 'ffn')).toThrow(
      /^blocks\.0\.ffn: linear with a weight of \[3, 2\] takes 2 features, not \[T, 5\]/,
    );
    expect(() => g.weights.linear(g.input('y', ['T', 2]), 'absent')).toThrow(/absent.weight/);
  });

  it('gives every output a node of its own', () => {
    const g = new GraphBuilder('net', WEIGHTS, { taps: true });
    const x = g.input('x', ['T', 2]);
    const y = g.relu(x);
    g.output('y', y);
    g.tap('same', y);
    g.output('x again', x);
    const { outputs, nodes } = g.build();
    expect(new Set(outputs.map(({ value }) => value)).size).toBe(3);
    expect(outputs.every(({ value }) => nodes.some((node) => node.output === value))).toBe(true);
  });

  it('makes outputs of taps only when asked, and leaves out what nothing needs', () => {
    const build = (taps: boolean) => {
      const g = new GraphBuilder('net', WEIGHTS, { taps });
      const x = g.input('x', ['T', 2]);
      g.tap('inner', g.scale(x, 2));
      g.output('y', g.relu(x));
      return g.build();
    };
    expect(build(false).nodes.map(({ op }) => op)).toEqual(['relu']);
    expect(build(true).outputs.map(({ name }) => name)).toEqual(['inner', 'y']);
  });

  it('cuts an axis into equal slices', () => {
    const g = new GraphBuilder('net', WEIGHTS);
    const x = g.input('x', ['T', 6, 2]);
    expect(g.chunk(x, 1, 3).map(({ shape }) => shape)).toEqual([
      ['T', 2, 2],
      ['T', 2, 2],
      ['T', 2, 2],
    ]);
    expect(() => g.chunk(x, 1, 4)).toThrow(/cannot cut axis 1/);
    expect(() => g.chunk(x, 0, 2)).toThrow(/cannot cut axis 0/);
  });

  it('refuses graphs that cannot work', () => {
    const g = new GraphBuilder('net', WEIGHTS);
    const x = g.input('x', ['T', 2]);
    expect(() => g.build()).toThrow(/has no outputs/);
    expect(() => g.input('x', [1])).toThrow(/two inputs named x/);
    g.output('y', g.relu(x));
    expect(() => g.output('y', x)).toThrow(/two outputs named y/);
    g.input('idle', [1]);
    expect(() => g.build()).toThrow(/does not use its input idle/);
    const other = new GraphBuilder('other', WEIGHTS);
    expect(() => g.relu(other.input('x', [1]))).toThrow(/value of another graph/);
  });
});
