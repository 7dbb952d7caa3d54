// What attention.wgsl and attention-tiled.wgsl are given: layouts and the meaning of the parameters are told in attention.wgsl.

struct Params {
  queries: u32,
  keys: u32,
  heads: u32,
  scale: f32,
  firstGroup: u32,
#if BIAS
  firstHead: u32,
  biasStart: u32,
  biasRows: u32,
  biasKeys: u32,
#endif
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
#if BIAS
@group(0) @binding(4) var<storage, read> bias: array<f32>;
#endif
@group(0) @binding(5) var<storage, read_write> o: array<vec4<f32>>;
#if CARRY
@group(0) @binding(6) var<storage, read_write> state: array<vec2<f32>>;
#endif

