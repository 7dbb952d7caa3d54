// Linear layer: Y[m, n] = epilogue(Σ_k X[m, k] · W[n, k]), in f32, or through f16 tiles with f32 sums.
//
// Layouts: X [M, K] and Y [M, N] row-major f32; W as in parts/packed-matrix.wgsl; epilogue in parts/linear-epilogue.wgsl.
//
// Workgroup: THREADS_N x THREADS_M threads; each computes a TILE_M x TILE_N register tile, spelled out, whose rows and columns are
// interleaved across the group, so that neighbouring threads touch neighbouring rows. Rows beyond the matrix read its last row and are
// not stored. SHARED: K advances DEPTH vec4s at a time through workgroup memory, (BLOCK_M + BLOCK_N) · DEPTH vec4s of ELEMENT, rows innermost,
// so that neighbouring threads read neighbouring banks; otherwise straight from storage: on a CPU adapter barriers cost more than repeated loads.
// HALF (`fast` precision, needs shader-f16): tiles and products of four are f16, their sums f32; activations beyond ±65504 are clamped.
// A dispatch may be cut along M: `firstGroup` is the first row of groups that it does.

#if X_VEC4
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
#else
@group(0) @binding(1) var<storage, read> x: array<f32>;
#endif

const BLOCK_M = {{THREADS_M}}u * {{TILE_M}}u;
const BLOCK_N = {{THREADS_N}}u * {{TILE_N}}u;

// Four values of row m of X from k = 4 · q; zeros behind K.
fn activations(m: u32, q: u32) -> vec4<f32> {
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

#if SHARED
var<workgroup> tileX: array<vec4<{{ELEMENT}}>, BLOCK_M * {{DEPTH}}u>;
var<workgroup> tileW: array<vec4<{{ELEMENT}}>, BLOCK_N * {{DEPTH}}u>;
#endif

@compute @workgroup_size({{THREADS_N}}, {{THREADS_M}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let firstM = (group.y + params.firstGroup) * BLOCK_M;
  let firstN = group.x * BLOCK_N;
#repeat i TILE_M
  let m$i = firstM + local.y + $i * {{THREADS_M}}u;
#repeat j TILE_N
  var sum$i_$j = 0.0;
#end
#end
#repeat j TILE_N
  let n$j = firstN + local.x + $j * {{THREADS_N}}u;
#end
#if SHARED
  for (var first = 0u; first < params.kp; first += {{DEPTH}}u) {
    for (var i = index; i < BLOCK_M * {{DEPTH}}u; i += {{THREADS_M}}u * {{THREADS_N}}u) {
      let q = first + i % {{DEPTH}}u;
      var value = vec4<f32>(0.0);
      if (q < params.kp) { value = activations(min(firstM + i / {{DEPTH}}u, params.m - 1u), q); }
#if HALF
      value = clamp(value, vec4<f32>(-65504.0), vec4<f32>(65504.0));
#endif
      tileX[i % {{DEPTH}}u * BLOCK_M + i / {{DEPTH}}u] = vec4<{{ELEMENT}}>(value);
    }
    for (var i = index; i < BLOCK_N * {{DEPTH}}u; i += {{THREADS_M}}u * {{THREADS_N}}u) {
      let q = first + i % {{DEPTH}}u;
      var value = vec4<f32>(0.0);
      if (q < params.kp) { value = weights(min(firstN + i / {{DEPTH}}u, params.weightRows - 1u) * params.kp, q); }
      tileW[i % {{DEPTH}}u * BLOCK_N + i / {{DEPTH}}u] = vec4<{{ELEMENT}}>(value);
    }
    workgroupBarrier();
    for (var d = 0u; d < {{DEPTH}}u; d++) {
#repeat i TILE_M
      let a$i = tileX[d * BLOCK_M + local.y + $i * {{THREADS_M}}u];
#end
#repeat j TILE_N
      let b$j = tileW[d * BLOCK_N + local.x + $j * {{THREADS_N}}u];
#repeat i TILE_M
      sum$i_$j += f32(dot(a$i, b$j));
#end
#end
    }
    workgroupBarrier();
  }
#else
#repeat i TILE_M
  let rowX$i = min(m$i, params.m - 1u);
#end
#repeat j TILE_N
  let rowW$j = min(n$j, params.weightRows - 1u) * params.kp;
#end
  for (var first = 0u; first < params.kp; first += {{GROUP}}u) {
#if QUANTIZED
#repeat j TILE_N
    let scale$j = scales[(rowW$j + first) / {{GROUP}}u];
#end
    for (var q = first; q < first + {{GROUP}}u; q++) {
#else
    let q = first;
    {
#endif
#repeat i TILE_M
      let a$i = activations(rowX$i, q);
#end
#repeat j TILE_N
#if QUANTIZED
      let b$j = scaled(decode(rowW$j, q), scale$j);
#else
      let b$j = decode(rowW$j, q);
#endif
#repeat i TILE_M
      sum$i_$j += dot(a$i, b$j);
#end
#end
    }
  }
#endif
  // The epilogue runs once: a loop over an array here keeps it from being compiled once a value.
  var sums: array<f32, {{TILE_M}}u * {{TILE_N}}u>;
#repeat i TILE_M
#repeat j TILE_N
  sums[$($i*TILE_N+$j)] = sum$i_$j;
#end
#end
  for (var i = 0u; i < {{TILE_M}}u; i++) {
    for (var j = 0u; j < {{TILE_N}}u; j++) {
      store(firstM + local.y + i * {{THREADS_M}}u, firstN + local.x + j * {{THREADS_N}}u, sums[i * {{TILE_N}}u + j]);
    }
  }
}
