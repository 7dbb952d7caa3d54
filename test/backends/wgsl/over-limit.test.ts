import { expect, test } from 'vitest';
import { syntheticWeights, wan13b, wanShapes } from '../../../scripts/bench/wgsl/synthetic-weights';
import { planGraph } from '../../../src/backends/wgsl/compiled-graph';
import type { Kernel, Operand } from '../../../src/backends/wgsl/kernel';
import type { DeviceTraits } from '../../../src/backends/wgsl/tuning/traits';
import { bindInputs } from '../../../src/graph/bindings';
import { GraphBuilder } from '../../../src/graph/builder';
import { evaluateShape, type Bindings } from '../../../src/graph/dims';
import { wanStep } from '../../../src/networks/wan-transformer';

const TRAITS: DeviceTraits = { software: false, f16: false, int8: false, subgroups: 0 };
/** What every adapter with WebGPU has: maxStorageBufferBindingSize. */
const LEAST = 128 * 2 ** 20;

/** The largest binding of activations. */
function largestBinding(kernels: readonly Kernel[], bindings: Bindings): number {
  const bytes = (operand: Operand) =>
    'value' in operand ? (operand.sizeBytes ?? 4 * evaluateShape(operand.value.shape, bindings).reduce((size, dim) => size * dim, 1)) : 0;
  return Math.max(
    ...kernels.flatMap(({ reads, output, state }) =>
      [...Object.values(reads), output, ...(state ? [state] : [])].map((operand) => bytes(operand)),
    ),
  );
}

test('a Wan clip of 832 x 480 x 81 fits the least bindings that WebGPU promises: its keys and values are 201 MB each', () => {
  const config = wan13b(1);
  const [graph] = wanStep(syntheticWeights(wanShapes(config), 'Q8_0'), config, { merged: true, grouping: 'whole' });
  const [tokens, rows] = [21 * 30 * 52, 512];
  const shapes: Record<string, readonly number[]> = {
    latents: [16, 21, 60, 104],
    sinusoid: [1, 256],
    ropeCos: [1, tokens, 64],
    ropeSin: [1, tokens, 64],
    'crossK.0': [rows, 1536],
    'crossV.0': [rows, 1536],
  };
  const bindings = bindInputs(
    graph!,
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, type: 'f32' as const }])),
  );
  const whole = planGraph(graph!, bindings, { traits: TRAITS, choices: {} });
  const { kernels, memory } = planGraph(graph!, bindings, { traits: TRAITS, choices: {}, bindingBytes: LEAST });
  expect(largestBinding(whole.kernels, bindings)).toBe(4 * tokens * 1536);
  expect(largestBinding(kernels, bindings)).toBeLessThanOrEqual(LEAST);
  // Self-attention: two parts of the queries, each over two parts of the keys, handed on once.
  const attentions = kernels.filter(({ shader, state }) => shader === 'attention-tiled' && state);
  expect(attentions.map(({ defines }) => [defines['RESUME'], defines['SUSPEND']])).toEqual([
    [false, true],
    [true, false],
    [false, true],
    [true, false],
  ]);
  expect(attentions.reduce((sum, { work }) => sum + work, 0)).toBe(2 * tokens * tokens * 1536);
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
  // What is handed on is a maximum and a sum a head and query: a hundredth of a tensor.
  expect(sum(memory.slotBytes)).toBeLessThan(sum(whole.memory.slotBytes) + 0.02 * 4 * tokens * 1536);
});

test('a convolution on pictures of 1280 x 720 with 64 channels, 236 MB each, does as much as undivided', () => {
  const weights = syntheticWeights((name) => (name === 'c.weight' ? [64, 128, 3, 3] : [64]), 'F32');
  const g = new GraphBuilder('picture', weights);
  const [x, memory] = [g.input('x', [4, 64, 720, 1280]), g.input('memory', [1, 64, 720, 1280])];
  g.output('y', g.relu(g.add(g.weights.conv2d(g.concat([x, g.shiftFrames(x, memory)], 1), 'c'), x)));
  const graph = g.build();
  const work = (kernels: readonly Kernel[]) => kernels.reduce((sum, kernel) => sum + kernel.work, 0);
  const whole = planGraph(graph, {}, { traits: TRAITS, choices: {} });
  const { kernels } = planGraph(graph, {}, { traits: TRAITS, choices: {}, bindingBytes: LEAST });
  expect(whole.kernels).toHaveLength(1);
  expect(work(kernels)).toBe(work(whole.kernels));
  expect(largestBinding(kernels, {})).toBeLessThanOrEqual(LEAST);
  // Four frames, two parts of the output's channels, three rows of the kernel, two parts of the channels of either tensor.
  expect(kernels).toHaveLength(4 * 2 * 3 * 4);
});
