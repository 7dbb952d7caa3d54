// Normalisation of rows, with what usually follows it folded in.
//
// KIND layer: y = (x - mean) / sqrt(variance + eps); KIND rms: y = x / sqrt(mean(x²) + eps).
// WEIGHT: y · weight[c]; BIAS: + bias[c]. MODULATE: y · (1 + scale[g, c]) + shift[g, c] with g = row / rowsPerGroup.
// A dispatch may do the rows from `firstRow` on, where x, y, cos and sin begin.
// ROPE: then every interleaved pair (2i, 2i + 1) of each head is rotated by cos/sin[row, i].
//
// Layouts: x, y [rows, D]; weight, bias [D]; shift, scale [groups, D], rows `shiftStride` and `scaleStride` apart; cos, sin [rows, headDim / 2].
// SHARED: one workgroup of 64 threads a row, whose partial sums in f32 are added by a tree. Otherwise a thread a row, 4 a group: on a CPU
// adapter the tree's barriers cost more than everything else. The mean comes before the variance, so that a large mean does not cancel.

struct Params {
  rows: u32,
  width: u32,
  rowsPerGroup: u32,
  headDim: u32,
  eps: f32,
  firstRow: u32,
  shiftStride: u32,
  scaleStride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
#if WEIGHT
@group(0) @binding(2) var<storage, read> weight: array<f32>;
#endif
#if BIAS
@group(0) @binding(3) var<storage, read> bias: array<f32>;
#endif
#if MODULATE
@group(0) @binding(4) var<storage, read> shift: array<f32>;
@group(0) @binding(5) var<storage, read> scale: array<f32>;
#endif
#if ROPE
@group(0) @binding(4) var<storage, read> cosines: array<f32>;
@group(0) @binding(5) var<storage, read> sines: array<f32>;
#endif
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

#if SHARED
const LANES = 64u;
var<workgroup> partialSums: array<f32, LANES>;

fn sumOfRow(index: u32, value: f32) -> f32 {
  partialSums[index] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (index < half) { partialSums[index] += partialSums[index + half]; }
    workgroupBarrier();
  }
  let total = partialSums[0];
  workgroupBarrier();
  return total;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let row = group.y * groups.x + group.x;
#else
const LANES = 1u;

fn sumOfRow(index: u32, value: f32) -> f32 { return value; }

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let row = (group.y * groups.x + group.x) * 4u + thread;
  const index = 0u;
#endif
  if (row >= params.rows) { return; }
  let first = row * params.width;
  let count = f32(params.width);
  var mean = 0.0;
#if KIND_LAYER
  var sum = 0.0;
  for (var c = index; c < params.width; c += LANES) { sum += x[first + c]; }
  mean = sumOfRow(index, sum) / count;
#endif
  var squares = 0.0;
  for (var c = index; c < params.width; c += LANES) {
    let d = x[first + c] - mean;
    squares += d * d;
  }
  let inverse = inverseSqrt(sumOfRow(index, squares) / count + params.eps);
#if ROPE
  for (var pair = index; pair < params.width / 2u; pair += LANES) {
    let c = 2u * pair;
    let even = x[first + c] * inverse * weight[c];
    let odd = x[first + c + 1u] * inverse * weight[c + 1u];
    let at = row * (params.headDim / 2u) + pair % (params.headDim / 2u);
    y[first + c] = even * cosines[at] - odd * sines[at];
    y[first + c + 1u] = even * sines[at] + odd * cosines[at];
  }
#else
  for (var c = index; c < params.width; c += LANES) {
    var value = (x[first + c] - mean) * inverse;
#if WEIGHT
    value *= weight[c];
#endif
#if BIAS
    value += bias[c];
#endif
#if MODULATE
    let g = (row + params.firstRow) / params.rowsPerGroup;
    value = value * (1.0 + scale[g * params.scaleStride + c]) + shift[g * params.shiftStride + c];
#endif
    y[first + c] = value;
  }
#endif
}
