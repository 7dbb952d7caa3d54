// Attention with online softmax (flash): O[i, h] = Σ_j softmax_j(scale · Q[i, h] · K[j, h] + bias[h, i, j]) · V[j, h]
//
// Layouts: Q [Nq, heads · dim], K and V [Nk, heads · dim], O like Q, all row-major f32; bias [heads, Nq, Nk]. `dim` is a
// multiple of 4; VECTORS = dim / 4.
//
// One thread a query row of one head; the group walks over the keys KEYS at a time through workgroup memory
// (2 · KEYS · dim · 4 bytes), so that every key and value is read from storage once a group. The running maximum, sum and output
// stay in registers in f32; no score matrix exists. Masked tails are handled by -inf scores.

struct Params {
  queries: u32,
  keys: u32,
  heads: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
#if BIAS
@group(0) @binding(4) var<storage, read> bias: array<f32>;
#endif
@group(0) @binding(5) var<storage, read_write> o: array<vec4<f32>>;

var<workgroup> tileK: array<vec4<f32>, {{KEYS}}u * {{VECTORS}}u>;
var<workgroup> tileV: array<vec4<f32>, {{KEYS}}u * {{VECTORS}}u>;

@compute @workgroup_size({{ROWS}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let head = group.y;
  let row = group.x * {{ROWS}}u + index;
  let width = params.heads * {{VECTORS}}u;
  let inRange = row < params.queries;
  var query: array<vec4<f32>, {{VECTORS}}>;
  var output: array<vec4<f32>, {{VECTORS}}>;
  if (inRange) {
    for (var c = 0u; c < {{VECTORS}}u; c++) { query[c] = params.scale * q[row * width + head * {{VECTORS}}u + c]; }
  }
  var highest = -3.0e38;
  var total = 0.0;
  for (var first = 0u; first < params.keys; first += {{KEYS}}u) {
    let count = min({{KEYS}}u, params.keys - first);
    for (var i = index; i < count * {{VECTORS}}u; i += {{ROWS}}u) {
      let at = (first + i / {{VECTORS}}u) * width + head * {{VECTORS}}u + i % {{VECTORS}}u;
      tileK[i] = k[at];
      tileV[i] = v[at];
    }
    workgroupBarrier();
    if (inRange) {
      var scores: array<f32, {{KEYS}}>;
      var peak = highest;
      for (var j = 0u; j < count; j++) {
        var sum = vec4<f32>(0.0);
        for (var c = 0u; c < {{VECTORS}}u; c++) { sum = fma(query[c], tileK[j * {{VECTORS}}u + c], sum); }
        var score = dot(sum, vec4<f32>(1.0));
#if BIAS
        score += bias[(head * params.queries + row) * params.keys + first + j];
#endif
        scores[j] = score;
        peak = max(peak, score);
      }
      let decay = exp(highest - peak);
      total *= decay;
      for (var c = 0u; c < {{VECTORS}}u; c++) { output[c] *= decay; }
      for (var j = 0u; j < count; j++) {
        let weight = exp(scores[j] - peak);
        total += weight;
        for (var c = 0u; c < {{VECTORS}}u; c++) { output[c] = fma(vec4<f32>(weight), tileV[j * {{VECTORS}}u + c], output[c]); }
      }
      highest = peak;
    }
    workgroupBarrier();
  }
  if (inRange) {
    for (var c = 0u; c < {{VECTORS}}u; c++) { o[row * width + head * {{VECTORS}}u + c] = output[c] / total; }
  }
}
