// y = Σ_i c_i · x_i over TERMS tensors of one shape, summed in order: sampler updates and guidance.
// One thread an element, grid-strided, 256 a group. At most 7 terms: with y they are the 8 storage buffers of every adapter.

struct Params {
  coefficients: array<vec4<f32>, 2>,
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#repeat t TERMS
@group(0) @binding($($t+1)) var<storage, read> x$t: array<f32>;
#end
@group(0) @binding(8) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < params.count; i += groups.x * 256u) {
    var sum = 0.0;
#repeat t TERMS
    sum += params.coefficients[$t / 4][$t % 4] * x$t[i];
#end
    y[i] = sum;
  }
}
