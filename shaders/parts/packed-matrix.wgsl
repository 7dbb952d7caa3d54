// A weight matrix [N, K] as backends/wgsl/pack-weights.ts packs it, rows padded to whole vec4s of K (kp = ceil(K / 4) a row):
//   F32  array<vec4<f32>> [N, kp]
//   F16  array<vec2<u32>> [N, kp]: four halves each
//   I8   array<u32> [N, kp]: four signed bytes each, K a multiple of 32
//   I4   array<u32> [N, kp / 2]: eight nibbles each, lowest first, K a multiple of 32
// I8 and I4 come with `scales`, one for GROUP vec4s: a weight is scale · q, or scale · q - minimum with MINIMA (then vec2s). Nibbles
// are 0 to 15, minus CENTRE (8 for Q4_0).

#if WEIGHT_F32
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
fn decode(row: u32, q: u32) -> vec4<f32> { return w[row + q]; }
#endif
#if WEIGHT_F16
@group(0) @binding(2) var<storage, read> w: array<vec2<u32>>;
fn decode(row: u32, q: u32) -> vec4<f32> {
  let halves = w[row + q];
  return vec4<f32>(unpack2x16float(halves.x), unpack2x16float(halves.y));
}
#endif
// `row` is the row's first vec4; what decode gives is still to be scaled.
#if WEIGHT_I8
@group(0) @binding(2) var<storage, read> w: array<u32>;
fn decode(row: u32, q: u32) -> vec4<f32> {
  let word = bitcast<i32>(w[row + q]);
  return vec4<f32>(vec4<i32>(word << 24u, word << 16u, word << 8u, word) >> vec4<u32>(24u));
}
#endif
#if WEIGHT_I4
@group(0) @binding(2) var<storage, read> w: array<u32>;
fn decode(row: u32, q: u32) -> vec4<f32> {
  let word = w[(row + q) / 2u] >> (16u * (q & 1u));
  return vec4<f32>(vec4<u32>(word, word >> 4u, word >> 8u, word >> 12u) & vec4<u32>(15u)) - {{CENTRE}}.0;
}
#endif
#if QUANTIZED
#if MINIMA
@group(0) @binding(3) var<storage, read> scales: array<vec2<f32>>;
fn scaled(q: vec4<f32>, scale: vec2<f32>) -> vec4<f32> { return q * scale.x - scale.y; }
#else
@group(0) @binding(3) var<storage, read> scales: array<f32>;
fn scaled(q: vec4<f32>, scale: f32) -> vec4<f32> { return q * scale; }
#endif
fn weights(row: u32, q: u32) -> vec4<f32> { return scaled(decode(row, q), scales[(row + q) / {{GROUP}}u]); }
#else
fn weights(row: u32, q: u32) -> vec4<f32> { return decode(row, q); }
#endif
