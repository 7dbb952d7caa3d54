// Linear layer on int8: Y[m, n] = epilogue(Σ_b sx[m, b] · sw[n, b] · Σ_{k in b} qx[m, k] · qw[n, k]) over blocks b of 32 along K.
//
// Layouts: X as quantize.wgsl makes it, [M, K / 32] blocks of 9 words (eight of quants, the scale); W in the I8 format of
// parts/packed-matrix.wgsl with GROUP = 8 and no minima (Q8_0); Y [M, N] f32; epilogue in parts/linear-epilogue.wgsl. Products within a
// block are exact (dot4I8Packed into i32), blocks are summed in f32: the error is that of quantizing X.
//
// Workgroup and cut as in gemm.wgsl; one block of every row at a time goes through workgroup memory, (BLOCK_M + BLOCK_N) · 9 · 4 bytes.
// Not for CPU adapters: without dot products in hardware it is slower than f32 (docs/performance.md).
// Needs the language feature packed_4x8_integer_dot_product.

@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> w: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;

const BLOCK_M = {{THREADS_M}}u * {{TILE_M}}u;
const BLOCK_N = {{THREADS_N}}u * {{TILE_N}}u;

var<workgroup> tileX: array<u32, BLOCK_M * 9u>;
var<workgroup> tileW: array<u32, BLOCK_N * 8u>;
var<workgroup> tileScales: array<f32, BLOCK_N>;

@compute @workgroup_size({{THREADS_N}}, {{THREADS_M}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let firstM = (group.y + params.firstGroup) * BLOCK_M;
  let firstN = group.x * BLOCK_N;
  let blocks = params.kp / 8u;
#repeat i TILE_M
#repeat j TILE_N
  var sum$i_$j = 0.0;
#end
#end
#repeat i TILE_M
  let rowX$i = (local.y + $i * {{THREADS_M}}u) * 9u;
#end
#repeat j TILE_N
  let rowW$j = local.x + $j * {{THREADS_N}}u;
#end
  for (var block = 0u; block < blocks; block++) {
    for (var i = index; i < BLOCK_M * 9u; i += {{THREADS_M}}u * {{THREADS_N}}u) {
      tileX[i] = x[(min(firstM + i / 9u, params.m - 1u) * blocks + block) * 9u + i % 9u];
    }
    for (var i = index; i < BLOCK_N * 8u; i += {{THREADS_M}}u * {{THREADS_N}}u) {
      tileW[i] = w[(min(firstN + i / 8u, params.weightRows - 1u) * blocks + block) * 8u + i % 8u];
    }
    for (var i = index; i < BLOCK_N; i += {{THREADS_M}}u * {{THREADS_N}}u) {
      tileScales[i] = scales[min(firstN + i, params.weightRows - 1u) * blocks + block];
    }
    workgroupBarrier();
#repeat i TILE_M
#repeat j TILE_N
    var dot$i_$j = 0i;
#end
#end
    for (var q = 0u; q < 8u; q++) {
#repeat i TILE_M
      let a$i = tileX[rowX$i + q];
#end
#repeat j TILE_N
      let b$j = tileW[rowW$j * 8u + q];
#repeat i TILE_M
      dot$i_$j += dot4I8Packed(a$i, b$j);
#end
#end
    }
#repeat i TILE_M
    let scaleX$i = bitcast<f32>(tileX[rowX$i + 8u]);
#end
#repeat j TILE_N
    let scaleW$j = tileScales[rowW$j];
#repeat i TILE_M
    sum$i_$j += f32(dot$i_$j) * (scaleX$i * scaleW$j);
#end
#end
    workgroupBarrier();
  }
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
