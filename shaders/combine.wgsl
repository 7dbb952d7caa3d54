// y = a · u + b · v: sampler updates and guidance are chains of these, each rounded to f32, in the order given.
// FIRST: y = a · u. One thread an element, grid-strided, 256 a group.

struct Params {
  count: u32,
  a: f32,
  b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<f32>;
#if SECOND
@group(0) @binding(2) var<storage, read> v: array<f32>;
#endif
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < params.count; i += groups.x * 256u) {
#if SECOND
    y[i] = params.a * u[i] + params.b * v[i];
#else
    y[i] = params.a * u[i];
#endif
  }
}
