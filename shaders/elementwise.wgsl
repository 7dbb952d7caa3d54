// y = OP(a) or OP(a, b), elementwise over f32, with NumPy broadcasting for two inputs.
//
// Layouts: y has up to four axes `shape` (leading ones padded with 1); strideA and strideB are the inputs' element strides on those
// axes, 0 where an input is broadcast. One thread an element, grid-strided, 256 a group.
// OP: add, mul, gated_add (a + c · b), modulate (a · (1 + c) + b), scale (a · factor), clamp; or ACTIVATION, a function of parts/activations.wgsl.

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
#if ACTIVATED
    y[i] = {{ACTIVATION}}(u);
#endif
  }
}
