// y[i] = x[source(i)]: every op that only moves elements (transpose, slice, concat, patchify, pixel shuffle, upsample, frame shift).
//
// The output is seen as up to eight axes `shape`; element i has coordinates c and comes from offset + Σ_a (c_a / divide_a) · stride_a of x, and
// goes to outOffset + Σ_a c_a · outStride_a of y: a view with strides on both sides. Elements are 32-bit words, whatever their type.
// One thread an element, grid-strided, 256 a group.

struct Params {
  shape: array<vec4<u32>, 2>,
  stride: array<vec4<u32>, 2>,
  divide: array<vec4<u32>, 2>,
  outStride: array<vec4<u32>, 2>,
  offset: u32,
  outOffset: u32,
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < params.count; i += groups.x * 256u) {
    var rest = i;
    var source = params.offset;
    var to = params.outOffset;
    for (var a = 8u; a > 0u; ) {
      a -= 1u;
      let size = params.shape[a / 4u][a % 4u];
      let c = rest % size;
      rest /= size;
      source += c / params.divide[a / 4u][a % 4u] * params.stride[a / 4u][a % 4u];
      to += c * params.outStride[a / 4u][a % 4u];
    }
    y[to] = x[source];
  }
}
