// Rotary position embedding: every interleaved pair (2i, 2i + 1) of each head is turned by its angle:
// y[2i] = x[2i] · cos - x[2i + 1] · sin, y[2i + 1] = x[2i] · sin + x[2i + 1] · cos.
//
// Layouts: x, y [rows, heads · headDim]; cos, sin [rows, headDim / 2], computed on the host in f64.
// One thread a pair, grid-strided, 256 a group. After an RMS norm the rotation is part of norm.wgsl.

struct Params {
  pairs: u32,
  pairsPerRow: u32,
  pairsPerHead: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> cosines: array<f32>;
@group(0) @binding(3) var<storage, read> sines: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec2<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < params.pairs; i += groups.x * 256u) {
    let at = i / params.pairsPerRow * params.pairsPerHead + i % params.pairsPerHead;
    let pair = x[i];
    y[i] = vec2<f32>(pair.x * cosines[at] - pair.y * sines[at], pair.x * sines[at] + pair.y * cosines[at]);
  }
}
