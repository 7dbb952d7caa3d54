// y = OP(a) or OP(a, b), elementwise over f32, with NumPy broadcasting for two inputs.
//
// Layouts: y has up to four axes `shape` (leading ones padded with 1); strideA and strideB are the inputs' element strides on those
// axes, 0 where an input is broadcast. One thread an element, grid-strided, 256 a group.
// OP: add, mul, gated_add (a + c · b), modulate (a · (1 + c) + b), scale (a · factor), clamp, gelu, gelu_erf, silu, relu, tanh.

struct Params {
  shape: vec4<u32>,
  strideA: vec4<u32>,
  strideB: vec4<u32>,
  strideC: vec4<u32>,
  count: u32,
  low: f32,
  high: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
#if SECOND
@group(0) @binding(2) var<storage, read> b: array<f32>;
#endif
#if THIRD
@group(0) @binding(3) var<storage, read> c: array<f32>;
#endif
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn coordinates(index: u32) -> vec4<u32> {
  let s = params.shape;
  return vec4<u32>(index / (s.y * s.z * s.w), index / (s.z * s.w) % s.y, index / s.w % s.z, index % s.w);
}

fn offset(at: vec4<u32>, stride: vec4<u32>) -> u32 {
  let products = at * stride;
  return products.x + products.y + products.z + products.w;
}

// Abramowitz and Stegun 7.1.26: |error| below 1.5e-7.
fn erf(v: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * abs(v));
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(v) * (1.0 - p * exp(-v * v));
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < params.count; i += groups.x * 256u) {
    let at = coordinates(i);
    let u = a[offset(at, params.strideA)];
#if OP_ADD
    y[i] = u + b[offset(at, params.strideB)];
#endif
#if OP_MUL
    y[i] = u * b[offset(at, params.strideB)];
#endif
#if OP_GATED_ADD
    y[i] = u + c[offset(at, params.strideC)] * b[offset(at, params.strideB)];
#endif
#if OP_MODULATE
    y[i] = u * (1.0 + c[offset(at, params.strideC)]) + b[offset(at, params.strideB)];
#endif
#if OP_SCALE
    y[i] = u * params.low;
#endif
#if OP_CLAMP
    y[i] = clamp(u, params.low, params.high);
#endif
#if OP_GELU
    y[i] = 0.5 * u * (1.0 + tanh(clamp(0.7978845608028654 * (u + 0.044715 * u * u * u), -10.0, 10.0)));
#endif
#if OP_GELU_ERF
    y[i] = 0.5 * u * (1.0 + erf(u * 0.7071067811865476));
#endif
#if OP_SILU
    y[i] = u / (1.0 + exp(-u));
#endif
#if OP_RELU
    y[i] = max(u, 0.0);
#endif
#if OP_TANH
    y[i] = tanh(clamp(u, -10.0, 10.0));
#endif
  }
}
