// Attention with online softmax (flash) through workgroup memory: the same as attention.wgsl, for adapters with barriers in hardware.
//
// Layouts, parameters and dispatches of a part (SUSPEND, RESUME: parts of whole tiles of keys) as in attention.wgsl. SPLIT neighbouring threads share a query row of one head: each holds VECTORS vec4s of
// the query and of the running output in registers, spelled out (dim = 4 · VECTORS · SPLIT), which keeps wide heads from spilling. The
// group of ROWS · SPLIT threads walks over the keys KEYS at a time: keys and values go through workgroup memory once a group, as ELEMENT
// (f32, or f16 in `fast` precision: 2 · KEYS · dim elements), STEP of them spelled out in a turn of the inner loop. The threads of a row
// add their parts of a score by subgroup shuffles (SUBGROUPS: needs the feature, and subgroups of SPLIT threads or more that are
// neighbours in the group), or through workgroup memory (EXCHANGE: 2 · STEP · threads · 4 bytes, one barrier a turn: two halves take turns).
// Scores are summed over vec4s in f32, softmax and output are f32 throughout.

const DIM = {{VECTORS}}u * {{SPLIT}}u; // in vec4s
const THREADS = {{ROWS}}u * {{SPLIT}}u;

var<workgroup> tileK: array<vec4<{{ELEMENT}}>, {{KEYS}}u * DIM>;
var<workgroup> tileV: array<vec4<{{ELEMENT}}>, {{KEYS}}u * DIM>;
#if EXCHANGE
var<workgroup> partialScores: array<f32, 2u * {{STEP}}u * THREADS>;
#endif

@compute @workgroup_size({{ROWS}} * {{SPLIT}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
#if BIAS
  let head = group.y + params.firstHead;
#else
  let head = group.y;
#endif
  let row = (group.x + params.firstGroup) * {{ROWS}}u + index / {{SPLIT}}u;
  let known = min(row, params.queries - 1u);
  let width = params.heads * DIM;
  let mine = (index % {{SPLIT}}u) * {{VECTORS}}u;
  let at = known * width + head * DIM + mine;
#repeat c VECTORS
  let query$c = vec4<{{ELEMENT}}>(params.scale * q[at + $c]);
  var output$c = vec4<f32>(0.0);
#end
  var highest = -3.0e38;
  var total = 0.0;
#if BIAS
  let biasRow = params.biasStart + (group.y * params.biasRows + known) * params.biasKeys;
#endif
#if RESUME
  if (row < params.queries) {
    let before = state[group.y * params.queries + row];
    highest = before.x;
    total = before.y;
#repeat c VECTORS
    output$c = o[at + $c];
#end
  }
#endif
#if EXCHANGE
  var half = 0u;
#endif
  for (var first = 0u; first < params.keys; first += {{KEYS}}u) {
    for (var i = index; i < {{KEYS}}u * DIM; i += THREADS) {
      let source = min(first + i / DIM, params.keys - 1u) * width + head * DIM + i % DIM;
      tileK[i] = vec4<{{ELEMENT}}>(k[source]);
      tileV[i] = vec4<{{ELEMENT}}>(v[source]);
    }
    workgroupBarrier();
    let last = min({{KEYS}}u, params.keys - first);
    for (var turn = 0u; turn < last; turn += {{STEP}}u) {
      let tile = turn * DIM + mine;
      var peak = highest;
#repeat j STEP
#if HALF
      var score$j = 0.0;
#repeat c VECTORS
      score$j += f32(dot(query$c, tileK[tile + $j * DIM + $c]));
#end
#else
      var sum$j = vec4<f32>(0.0);
#repeat c VECTORS
      sum$j = fma(query$c, tileK[tile + $j * DIM + $c], sum$j);
#end
      var score$j = dot(sum$j, vec4<f32>(1.0));
#endif
#if SUBGROUPS
      score$j += subgroupShuffleXor(score$j, 1u);
#if SPLIT_4
      score$j += subgroupShuffleXor(score$j, 2u);
#endif
#if SPLIT_8
      score$j += subgroupShuffleXor(score$j, 4u);
#endif
#endif
#end
#if EXCHANGE
#repeat j STEP
      partialScores[(half * {{STEP}}u + $j) * THREADS + index] = score$j;
#end
      workgroupBarrier();
#repeat j STEP
      score$j = 0.0;
#repeat s SPLIT
      score$j += partialScores[(half * {{STEP}}u + $j) * THREADS + index / {{SPLIT}}u * {{SPLIT}}u + $s];
#end
#end
      half = 1u - half;
#endif
#repeat j STEP
#if BIAS
      score$j += bias[biasRow + min(first + turn + $j, params.keys - 1u)];
#endif
      score$j = select(-3.0e38, score$j, turn + $j < last);
      peak = max(peak, score$j);
#end
      let decay = exp(highest - peak);
      highest = peak;
      total *= decay;
#repeat c VECTORS
      output$c *= decay;
#end
#repeat j STEP
      let weight$j = exp(score$j - peak);
      total += weight$j;
#repeat c VECTORS
      output$c = fma(vec4<f32>(weight$j), vec4<f32>(tileV[tile + $j * DIM + $c]), output$c);
#end
#end
    }
    workgroupBarrier();
  }
  if (row < params.queries) {
#if SUSPEND
    if (mine == 0u) { state[group.y * params.queries + row] = vec2<f32>(highest, total); }
#repeat c VECTORS
    o[at + $c] = output$c;
#end
#else
#repeat c VECTORS
    o[at + $c] = output$c / total;
#end
#endif
  }
}
