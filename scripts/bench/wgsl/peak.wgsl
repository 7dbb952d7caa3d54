// An adapter's own limit: multiply-adds that depend on nothing but registers. Eight chains a thread, none waits for another.
// KIND f32, f16: vec4 fma; int8: dot4I8Packed, four multiply-adds each. ROUNDS turns of eight; the sum is stored, so that none is left out.

struct Params {
  rounds: u32,
  seed: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
#if INT8
  let a = bitcast<u32>(params.seed) ^ id.x;
#repeat i 8
  var sum$i = i32(id.x) + $i;
#end
  for (var round = 0u; round < params.rounds; round++) {
#repeat i 8
    sum$i += dot4I8Packed(a, bitcast<u32>(sum$i));
#end
  }
  var total = 0;
#repeat i 8
  total += sum$i;
#end
  y[id.x] = f32(total);
#else
  let a = vec4<{{ELEMENT}}>({{ELEMENT}}(params.seed));
#repeat i 8
  var sum$i = vec4<{{ELEMENT}}>({{ELEMENT}}(id.x % 64u) + {{ELEMENT}}($i));
#end
  for (var round = 0u; round < params.rounds; round++) {
#repeat i 8
    sum$i = fma(sum$i, a, a);
#end
  }
  var total = vec4<{{ELEMENT}}>();
#repeat i 8
  total += sum$i;
#end
  y[id.x] = f32(total.x + total.y + total.z + total.w);
#endif
}
