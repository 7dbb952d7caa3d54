import { expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/graph/builder';
import type { Value } from '../../../src/graph/types';
import { lowerGraph } from '../../../src/backends/ort/lowering';
import { chooseLowering, type Choices } from '../../../src/backends/ort/lowering/choices';
import { encodeModel } from '../../../src/backends/ort/onnx/encode';
import { randomWeights } from './op-cases';
import { printModel } from './print-model';

const WEIGHTS = randomWeights({ 'l.weight': [128, 128], 'l.bias': [128], 'n.weight': [4], 'c.weight': [3, 2, 3, 3], 'c.bias': [3] }, 1);

function emitted(write: (g: GraphBuilder) => Value, choices: Choices): string {
  const g = new GraphBuilder('small', WEIGHTS);
  g.output('y', write(g));
  return printModel(encodeModel(lowerGraph(g.build(), WEIGHTS, choices).model));
}

it('emits a linear layer in f32, its weights in external data', () => {
  const write = (g: GraphBuilder) => g.gelu(g.weights.linear(g.input('x', ['N', 128]), 'l'), 'tanh');
  expect(emitted(write, chooseLowering('wasm', 'exact'))).toMatchInlineSnapshot(`
    "small: ir 10, onnx 21, com.microsoft 1
    (in:x FLOAT [N, 128])
      l.weight [128,128]: FLOAT [128, 128] location w0, length 65536
      l.bias [128]: FLOAT [128] location w1, length 512
      Gemm_0 = Gemm(in:x, l.weight [128,128], l.bias [128]) transB=1
      Gelu_1 = Gelu(Gemm_0) approximate=tanh
      out:y = Identity(Gelu_1)
    → out:y FLOAT [N, 128]"
  `);
});

it('emits a linear layer in int8, with activations quantized as they come', () => {
  const write = (g: GraphBuilder) => g.weights.linear(g.input('x', ['N', 128]), 'l');
  expect(emitted(write, chooseLowering('wasm', 'fast'))).toMatchInlineSnapshot(`
    "small: ir 10, onnx 21, com.microsoft 1
    (in:x FLOAT [N, 128])
      constant_0: INT64 [1] bytes ffffffffffffffff
      constant_1: FLOAT [] bytes 0402013c
      constant_2: UINT8 [] bytes 80
      l.weight int8: INT8 [128, 128] location w0, length 16384
      l.weight int8 scales: FLOAT [128] location w1, length 512
      constant_3: FLOAT [] bytes 0000803f
      l.bias [128]: FLOAT [128] location w2, length 512
      Abs_0 = Abs(in:x)
      ReduceMax_1 = ReduceMax(Abs_0, constant_0) keepdims=1
      Mul_2 = Mul(ReduceMax_1, constant_1)
      Shape_3 = Shape(in:x) start=0 end=1
      Expand_4 = Expand(constant_2, Shape_3)
      Reshape_5 = Reshape(Mul_2, constant_0)
      QuantizeLinear_6 = QuantizeLinear(in:x, Reshape_5, Expand_4) axis=0
      MatMulIntegerToFloat_7 = com.microsoft.MatMulIntegerToFloat(QuantizeLinear_6, l.weight int8, constant_3, l.weight int8 scales, constant_2)
      Mul_8 = Mul(MatMulIntegerToFloat_7, Mul_2)
      Add_9 = Add(Mul_8, l.bias [128])
      out:y = Identity(Add_9)
    → out:y FLOAT [N, 128]"
  `);
});

it('emits attention over all tokens, rotated, as one fused op', () => {
  const write = (g: GraphBuilder) => {
    const q = g.rope(
      g.weights.rmsNorm(g.input('x', ['F', 'S', 4]), 'n', 1e-6),
      g.input('cos', ['F', 'S', 1]),
      g.input('sin', ['F', 'S', 1]),
      2,
    );
    const k = g.input('k', ['L', 4]);
    return g.attention(q, k, k, { heads: 2, scale: 0.5 });
  };
  expect(emitted(write, chooseLowering('wasm', 'exact'))).toMatchInlineSnapshot(`
    "small: ir 10, onnx 21, com.microsoft 1
    (in:x FLOAT [F, S, 4], in:cos FLOAT [F, S, 1], in:sin FLOAT [F, S, 1], in:k FLOAT [L, 4])
      n.weight [4]: FLOAT [4] location w0, length 16
      constant_0: INT64 [3] bytes 0100000000000000ffffffffffffffff0400000000000000
      constant_1: INT64 [1] bytes 0000000000000000
      constant_2: INT64 [2] bytes ffffffffffffffff0100000000000000
      constant_3: INT64 [1] bytes 0400000000000000
      SimplifiedLayerNormalization_0 = SimplifiedLayerNormalization(in:x, n.weight [4]) axis=-1 epsilon=9.999999974752427e-7f
      Reshape_1 = Reshape(SimplifiedLayerNormalization_0, constant_0)
      Reshape_2 = Reshape(in:cos, constant_2)
      Reshape_3 = Reshape(in:sin, constant_2)
      RotaryEmbedding_4 = com.microsoft.RotaryEmbedding(Reshape_1, constant_1, Reshape_2, Reshape_3) interleaved=1 num_heads=2
      Reshape_5 = Reshape(in:k, constant_0)
      MultiHeadAttention_6 = com.microsoft.MultiHeadAttention(RotaryEmbedding_4, Reshape_5, Reshape_5) num_heads=2 scale=0.5f
      Shape_7 = Shape(in:x) start=0 end=1
      Shape_8 = Shape(in:x) start=1 end=2
      Concat_9 = Concat(Shape_7, Shape_8, constant_3) axis=0
      Reshape_10 = Reshape(MultiHeadAttention_6, Concat_9)
      out:y = Identity(Reshape_10)
    → out:y FLOAT [F, S, 4]"
  `);
});

it('emits a convolution for WebGPU, over a symbolic size', () => {
  const write = (g: GraphBuilder) => g.relu(g.weights.conv2d(g.input('x', ['T', 2, '2*h', '2*w']), 'c'));
  expect(emitted(write, chooseLowering('webgpu', 'exact'))).toMatchInlineSnapshot(`
    "small: ir 10, onnx 21, com.microsoft 1
    (in:x FLOAT [T, 2, 2*h, 2*w])
      c.weight [3,2,3,3]: FLOAT [3, 2, 3, 3] location w0, length 216
      c.bias [3]: FLOAT [3] location w1, length 12
      Conv_0 = Conv(in:x, c.weight [3,2,3,3], c.bias [3]) kernel_shape=[3, 3] strides=[1, 1] pads=[1, 1, 1, 1]
      Relu_1 = Relu(Conv_0)
      out:y = Identity(Relu_1)
    → out:y FLOAT [T, 3, 2*h, 2*w]"
  `);
});
