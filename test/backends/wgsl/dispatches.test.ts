import { expect, test } from 'vitest';
import { workloads } from '../../../scripts/bench/workloads';
import { planGraph } from '../../../src/backends/wgsl/compiled-graph';
import { preprocess } from '../../../src/backends/wgsl/preprocess';
import { SHADERS } from '../../../src/backends/wgsl/shaders';
import type { DeviceTraits } from '../../../src/backends/wgsl/tuning/traits';
import { bindInputs } from '../../../src/graph/bindings';
import { GraphBuilder } from '../../../src/graph/builder';
import { randomWeights } from './random-weights';

const HARDWARE: DeviceTraits = { software: false, f16: false, int8: false, subgroups: 0 };

test('the bundled model’s networks are as few dispatches as fusion makes them', async () => {
  const counts: Record<string, Record<string, number>> = {};
  for (const { name, graph, inputs } of await workloads()) {
    const { kernels } = planGraph(graph, bindInputs(graph, inputs), { traits: HARDWARE, choices: {} });
    const counted: Record<string, number> = {};
    for (const { shader } of kernels) counted[shader] = (counted[shader] ?? 0) + 1;
    counts[name] = counted;
  }
  expect(counts).toMatchInlineSnapshot(`
    {
      "decode": {
        "conv2d": 19,
        "rearrange": 5,
      },
      "decode1": {
        "conv2d": 19,
        "rearrange": 5,
      },
      "encode": {
        "conv2d": 9,
        "rearrange": 4,
      },
      "minilm15": {
        "attention-tiled": 6,
        "elementwise": 2,
        "embedding": 2,
        "gemm": 36,
        "norm": 13,
      },
      "minilm48": {
        "attention-tiled": 6,
        "elementwise": 2,
        "embedding": 2,
        "gemm": 36,
        "norm": 13,
      },
      "step": {
        "attention-tiled": 16,
        "elementwise": 10,
        "gemm": 69,
        "norm": 49,
        "rearrange": 2,
      },
      "step-merged": {
        "attention-tiled": 16,
        "elementwise": 10,
        "gemm": 69,
        "norm": 49,
        "rearrange": 2,
      },
    }
  `);
});

test('the WGSL of a linear with its epilogue', () => {
  const weights = randomWeights({ 'w.weight': [8, 32], 'w.bias': [8] }, 'Q8_0');
  const g = new GraphBuilder('linear', weights);
  g.output('y', g.silu(g.weights.linear(g.input('x', [3, 32]), 'w')));
  const [kernel, ...others] = planGraph(g.build(), {}, { traits: { ...HARDWARE, software: true }, choices: {} }).kernels;
  expect(others).toEqual([]);
  expect(
    preprocess(SHADERS[kernel!.shader], { ...kernel!.defines, TILE_M: 1, TILE_N: 2 })
      .split('\n')
      .filter((line) => line.trim() && !line.trim().startsWith('//'))
      .join('\n'),
  ).toMatchInlineSnapshot(`
    "fn erf(v: f32) -> f32 {
      let t = 1.0 / (1.0 + 0.3275911 * abs(v));
      let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
      return sign(v) * (1.0 - p * exp(-v * v));
    }
    fn geluErf(v: f32) -> f32 { return 0.5 * v * (1.0 + erf(v * 0.7071067811865476)); }
    fn safeTanh(v: f32) -> f32 { return tanh(clamp(v, -10.0, 10.0)); }
    fn gelu(v: f32) -> f32 { return 0.5 * v * (1.0 + safeTanh(0.7978845608028654 * (v + 0.044715 * v * v * v))); }
    fn silu(v: f32) -> f32 { return v / (1.0 + exp(-v)); }
    fn relu(v: f32) -> f32 { return max(v, 0.0); }
    @group(0) @binding(2) var<storage, read> w: array<u32>;
    fn decode(row: u32, q: u32) -> vec4<f32> {
      let word = bitcast<i32>(w[row + q]);
      return vec4<f32>(vec4<i32>(word << 24u, word << 16u, word << 8u, word) >> vec4<u32>(24u));
    }
    @group(0) @binding(3) var<storage, read> scales: array<f32>;
    fn scaled(q: vec4<f32>, scale: f32) -> vec4<f32> { return q * scale; }
    fn weights(row: u32, q: u32) -> vec4<f32> { return scaled(decode(row, q), scales[(row + q) / 8u]); }
    struct Params {
      m: u32,
      n: u32,
      k: u32,
      kp: u32,
      rowsPerGate: u32,
      firstGroup: u32,
      weightRows: u32,
      firstColumn: u32,
      firstRow: u32,
      gateStride: u32,
    }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(4) var<storage, read> bias: array<f32>;
    @group(0) @binding(7) var<storage, read_write> y: array<f32>;
    fn store(m: u32, row: u32, sum: f32) {
      if (m >= params.m || row >= params.weightRows) { return; }
      let n = row + params.firstColumn;
      var value = sum;
      value += bias[n];
      value = silu(value);
      y[m * params.n + n] = value;
    }
    @group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
    const BLOCK_M = 1u * 1u;
    const BLOCK_N = 4u * 2u;
    fn activations(m: u32, q: u32) -> vec4<f32> {
      return x[m * params.kp + q];
    }
    @compute @workgroup_size(4, 1)
    fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) index: u32) {
      let firstM = (group.y + params.firstGroup) * BLOCK_M;
      let firstN = group.x * BLOCK_N;
      let m0 = firstM + local.y + 0 * 1u;
      var sum0_0 = 0.0;
      var sum0_1 = 0.0;
      let n0 = firstN + local.x + 0 * 4u;
      let n1 = firstN + local.x + 1 * 4u;
      let rowX0 = min(m0, params.m - 1u);
      let rowW0 = min(n0, params.weightRows - 1u) * params.kp;
      let rowW1 = min(n1, params.weightRows - 1u) * params.kp;
      for (var first = 0u; first < params.kp; first += 8u) {
        let scale0 = scales[(rowW0 + first) / 8u];
        let scale1 = scales[(rowW1 + first) / 8u];
        for (var q = first; q < first + 8u; q++) {
          let a0 = activations(rowX0, q);
          let b0 = scaled(decode(rowW0, q), scale0);
          sum0_0 += dot(a0, b0);
          let b1 = scaled(decode(rowW1, q), scale1);
          sum0_1 += dot(a0, b1);
        }
      }
      var sums: array<f32, 1u * 2u>;
      sums[0] = sum0_0;
      sums[1] = sum0_1;
      for (var i = 0u; i < 1u; i++) {
        for (var j = 0u; j < 2u; j++) {
          store(firstM + local.y + i * 1u, firstN + local.x + j * 4u, sums[i * 2u + j]);
        }
      }
    }"
  `);
});
