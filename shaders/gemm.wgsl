// Linear layer: Y[m, n] = epilogue(Σ_k X[m, k] · W[n, k] + bias[n])
//
// Layouts: X [M, K] row-major f32; Y [M, N] row-major f32; W as packed by backends/wgsl/pack-weights.ts, rows of N padded
// to whole vec4s of K (KP = ceil(K / 4) vec4s a row, zeros behind K):
//   WEIGHT f32   array<vec4<f32>>, [N, KP]
//   WEIGHT f16   array<vec2<u32>>, [N, KP], four halves each
//   WEIGHT q8_0  array<u32>, [N, KP], four signed bytes each; scales array<f32>, [N, K / 32]
//
// Workgroup: THREADS_N x THREADS_M threads; each computes a TILE_M x TILE_N register tile whose rows and columns are
// interleaved across the group, so that neighbouring threads touch neighbouring memory. K advances DEPTH vec4s at a time
// through workgroup memory (SHARED) or straight from storage: on a CPU adapter barriers cost more than repeated loads.
// Needs (BLOCK_M + BLOCK_N) · DEPTH · 16 bytes of workgroup memory when SHARED.
//
// Epilogues: ACTIVATION none | gelu | gelu_erf | silu | relu; RESIDUAL adds `residual[m, n]`; with GATED the product is
// first multiplied by gate[m / rowsPerGate, n].

struct Params {
  m: u32,
  n: u32,
  k: u32,
  kp: u32,
  rowsPerGate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if X_VEC4
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
#else
@group(0) @binding(1) var<storage, read> x: array<f32>;
#endif
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
#if BIAS
@group(0) @binding(4) var<storage, read> bias: array<f32>;
#endif
#if RESIDUAL
@group(0) @binding(5) var<storage, read> residual: array<f32>;
#endif
#if GATED
@group(0) @binding(6) var<storage, read> gate: array<f32>;
#endif
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

const BLOCK_M = {{THREADS_M}}u * {{TILE_M}}u;
const BLOCK_N = {{THREADS_N}}u * {{TILE_N}}u;

// Four values of row m of X from k = 4 · q; zeros outside.
fn loadX(m: u32, q: u32) -> vec4<f32> {
  if (m >= params.m) { return vec4<f32>(0.0); }
#if X_VEC4
  return x[m * params.kp + q];
#else
  var value = vec4<f32>(0.0);
  for (var i = 0u; i < 4u; i++) {
    let k = 4u * q + i;
    if (k < params.k) { value[i] = x[m * params.k + k]; }
  }
  return value;
#endif
}

// Four values of row n of W from k = 4 · q; zeros outside.
fn loadW(n: u32, q: u32) -> vec4<f32> {
  if (n >= params.n) { return vec4<f32>(0.0); }
#if WEIGHT_F32
  return w[n * params.kp + q];
#endif
#if WEIGHT_F16
  let halves = w[n * params.kp + q];
  return vec4<f32>(unpack2x16float(halves.x), unpack2x16float(halves.y));
#endif
#if WEIGHT_Q8_0
  let word = bitcast<i32>(w[n * params.kp + q]);
  let bytes = vec4<i32>(word << 24u, word << 16u, word << 8u, word) >> vec4<u32>(24u);
  return vec4<f32>(bytes) * scales[n * (params.k / 32u) + q / 8u];
#endif
}

#if ACTIVATION_GELU_ERF
// Abramowitz and Stegun 7.1.26: |error| below 1.5e-7.
fn erf(v: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * abs(v));
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(v) * (1.0 - p * exp(-v * v));
}
#endif

fn activate(v: f32) -> f32 {
#if ACTIVATION_GELU
  // tanh overflows in some implementations beyond about 40: it is 1 to f32 from 10 on.
  return 0.5 * v * (1.0 + tanh(clamp(0.7978845608028654 * (v + 0.044715 * v * v * v), -10.0, 10.0)));
#endif
#if ACTIVATION_GELU_ERF
  return 0.5 * v * (1.0 + erf(v * 0.7071067811865476));
#endif
#if ACTIVATION_SILU
  return v / (1.0 + exp(-v));
#endif
#if ACTIVATION_RELU
  return max(v, 0.0);
#endif
#if ACTIVATION_NONE
  return v;
#endif
}

fn store(m: u32, n: u32, sum: f32) {
  if (m >= params.m || n >= params.n) { return; }
  var value = sum;
#if BIAS
  value += bias[n];
#endif
  value = activate(value);
#if GATED
  value *= gate[(m / params.rowsPerGate) * params.n + n];
#endif
#if RESIDUAL
  value += residual[m * params.n + n];
#endif
  y[m * params.n + n] = value;
}

#if SHARED
var<workgroup> tileX: array<vec4<f32>, BLOCK_M * {{DEPTH}}u>;
var<workgroup> tileW: array<vec4<f32>, BLOCK_N * {{DEPTH}}u>;
#endif

@compute @workgroup_size({{THREADS_N}}, {{THREADS_M}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let firstM = group.y * BLOCK_M;
  let firstN = group.x * BLOCK_N;
  var sum: array<array<f32, {{TILE_N}}>, {{TILE_M}}>;
  for (var q = 0u; q < params.kp; q += {{DEPTH}}u) {
#if SHARED
    for (var i = index; i < BLOCK_M * {{DEPTH}}u; i += {{THREADS_M}}u * {{THREADS_N}}u) {
      let at = q + i % {{DEPTH}}u;
      tileX[i] = select(vec4<f32>(0.0), loadX(firstM + i / {{DEPTH}}u, at), at < params.kp);
    }
    for (var i = index; i < BLOCK_N * {{DEPTH}}u; i += {{THREADS_M}}u * {{THREADS_N}}u) {
      let at = q + i % {{DEPTH}}u;
      tileW[i] = select(vec4<f32>(0.0), loadW(firstN + i / {{DEPTH}}u, at), at < params.kp);
    }
    workgroupBarrier();
#endif
    for (var d = 0u; d < {{DEPTH}}u; d++) {
#if SHARED
      var a: array<vec4<f32>, {{TILE_M}}>;
      for (var i = 0u; i < {{TILE_M}}u; i++) { a[i] = tileX[(local.y + i * {{THREADS_M}}u) * {{DEPTH}}u + d]; }
      for (var j = 0u; j < {{TILE_N}}u; j++) {
        let b = tileW[(local.x + j * {{THREADS_N}}u) * {{DEPTH}}u + d];
        for (var i = 0u; i < {{TILE_M}}u; i++) { sum[i][j] += dot(a[i], b); }
      }
#else
      if (q + d >= params.kp) { break; }
      var a: array<vec4<f32>, {{TILE_M}}>;
      for (var i = 0u; i < {{TILE_M}}u; i++) { a[i] = loadX(firstM + local.y + i * {{THREADS_M}}u, q + d); }
      for (var j = 0u; j < {{TILE_N}}u; j++) {
        let b = loadW(firstN + local.x + j * {{THREADS_N}}u, q + d);
        for (var i = 0u; i < {{TILE_M}}u; i++) { sum[i][j] += dot(a[i], b); }
      }
#endif
    }
#if SHARED
    workgroupBarrier();
#endif
  }
  for (var i = 0u; i < {{TILE_M}}u; i++) {
    for (var j = 0u; j < {{TILE_N}}u; j++) {
      store(firstM + local.y + i * {{THREADS_M}}u, firstN + local.x + j * {{THREADS_N}}u, sum[i][j]);
    }
  }
}
