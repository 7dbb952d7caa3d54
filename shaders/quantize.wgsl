// Activations to int8, for gemm-int8.wgsl: each block of 32 along K becomes q = round(x / s) with s = max|x| / 127.
//
// Layouts: x [M, K] row-major f32, K a multiple of 32; y [M, K / 32] blocks of 9 words: eight of four signed bytes each, then s as
// f32 bits. One thread a block, grid-strided, 64 a group.

struct Params {
  blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var block = id.x; block < params.blocks; block += groups.x * 64u) {
    var peaks = vec4<f32>(0.0);
#repeat i 8
    let x$i = x[8u * block + $i];
    peaks = max(peaks, abs(x$i));
#end
    let peak = max(max(peaks.x, peaks.y), max(peaks.z, peaks.w));
    let inverse = select(127.0 / peak, 0.0, peak == 0.0);
#repeat i 8
    y[9u * block + $i] = pack4xI8(vec4<i32>(round(x$i * inverse)));
#end
    y[9u * block + 8u] = bitcast<u32>(peak / 127.0);
  }
}
