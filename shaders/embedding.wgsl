// y[i, c] = table[ids[i], c]: rows of an embedding table.
//
// Layouts: ids i32 [L]; y f32 [L, width]; the table as packed for gemm.wgsl (rows of KP vec4s: f32, f16, or q8_0 with its scales).
// One thread four columns of a row, grid-strided, 64 a group. An id outside the table reads row 0: ids come from the tokenizer.

struct Params {
  count: u32,
  rows: u32,
  width: u32,
  kp: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<i32>;
#if WEIGHT_F32
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
#endif
#if WEIGHT_F16
@group(0) @binding(2) var<storage, read> w: array<vec2<u32>>;
#endif
#if WEIGHT_Q8_0
@group(0) @binding(2) var<storage, read> w: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
#endif
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < params.count * params.kp; i += groups.x * 64u) {
    let column = 4u * (i % params.kp);
    var row = u32(ids[i / params.kp]);
    if (row >= params.rows) { row = 0u; }
    let at = row * params.kp + i % params.kp;
#if WEIGHT_F32
    let value = w[at];
#endif
#if WEIGHT_F16
    let value = vec4<f32>(unpack2x16float(w[at].x), unpack2x16float(w[at].y));
#endif
#if WEIGHT_Q8_0
    let word = bitcast<i32>(w[at]);
    let bytes = vec4<i32>(word << 24u, word << 16u, word << 8u, word) >> vec4<u32>(24u);
    let value = vec4<f32>(bytes) * scales[row * (params.width / 32u) + column / 32u];
#endif
    for (var c = 0u; c < min(4u, params.width - column); c++) { y[i / params.kp * params.width + column + c] = value[c]; }
  }
}
