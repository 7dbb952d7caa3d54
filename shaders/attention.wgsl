// Attention with online softmax (flash): O[i, h] = Σ_j softmax_j(scale · Q[i, h] · K[j, h] + bias[h, i, j]) · V[j, h]
//
// Layouts: Q [Nq, heads · dim], K and V [Nk, heads · dim], O like Q, all row-major f32; bias [heads, Nq, Nk]. `dim` is a multiple of
// 4; VECTORS = dim / 4.
//
// One thread does QUERIES rows of one head, a group THREADS threads; keys and values are read straight from storage, once for all
// rows of a thread. Running maximum, sum and output stay in registers, spelled out, in f32; no score matrix exists. No barriers: this is
// the variant for CPU adapters, attention-tiled.wgsl the one for the rest. Rows beyond the last read the last and are not stored.
// A dispatch may be cut along the queries: `firstGroup` is the first group that it does.
//
// Where keys and values are more than a binding may hold, several dispatches walk over a part of the keys each, in order: all but the last keep the
// running output in O as it is and maximum and sum in `state` [heads, Nq] (SUSPEND), all but the first go on from there (RESUME). The same steps
// in the same order, so the same bits. With a bias a dispatch may do heads from `firstHead` on and a part of the queries or keys: what is bound of the
// bias then has its first score at `biasStart`, and rows of `biasKeys` scores, `biasRows` of them a head.

@compute @workgroup_size({{THREADS}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
#if BIAS
  let head = group.y + params.firstHead;
#else
  let head = group.y;
#endif
  let width = params.heads * {{VECTORS}}u;
  let column = head * {{VECTORS}}u;
#repeat t QUERIES
  let row$t = (group.x + params.firstGroup) * {{THREADS}}u * {{QUERIES}}u + index + $t * {{THREADS}}u;
  let known$t = min(row$t, params.queries - 1u);
  let at$t = known$t * width + column;
  var highest$t = -3.0e38;
  var total$t = 0.0;
#if BIAS
  let biasRow$t = params.biasStart + (group.y * params.biasRows + known$t) * params.biasKeys;
#endif
#repeat c VECTORS
  let query$t_$c = params.scale * q[at$t + $c];
  var output$t_$c = vec4<f32>(0.0);
#end
#if RESUME
  if (row$t < params.queries) {
    let before$t = state[group.y * params.queries + row$t];
    highest$t = before$t.x;
    total$t = before$t.y;
#repeat c VECTORS
    output$t_$c = o[at$t + $c];
#end
  }
#endif
#end
  for (var j = 0u; j < params.keys; j++) {
    let source = j * width + column;
#repeat t QUERIES
    var sum$t = vec4<f32>(0.0);
#end
#repeat c VECTORS
    let key$c = k[source + $c];
#repeat t QUERIES
    sum$t = fma(query$t_$c, key$c, sum$t);
#end
#end
#repeat t QUERIES
    var score$t = dot(sum$t, vec4<f32>(1.0));
#if BIAS
    score$t += bias[biasRow$t + j];
#endif
    let peak$t = max(highest$t, score$t);
    let decay$t = exp(highest$t - peak$t);
    let weight$t = exp(score$t - peak$t);
    highest$t = peak$t;
    total$t = total$t * decay$t + weight$t;
#end
#repeat c VECTORS
    let value$c = v[source + $c];
#repeat t QUERIES
    output$t_$c = fma(vec4<f32>(weight$t), value$c, output$t_$c * decay$t);
#end
#end
  }
#repeat t QUERIES
  if (row$t < params.queries) {
#if SUSPEND
    state[group.y * params.queries + row$t] = vec2<f32>(highest$t, total$t);
#repeat c VECTORS
    o[at$t + $c] = output$t_$c;
#end
#else
#repeat c VECTORS
    o[at$t + $c] = output$t_$c / total$t;
#end
#endif
  }
#end
}
