// Convolution as implicit GEMM: Y[t, o, i, j] = epilogue(Σ_{c, u, v} W[o, c, u, v] · X[t, c, s·i + u - p, s·j + v - p] + bias[o])
//
// Layouts: X [T, C, H, W]; Y [T, O, OH, OW]; W [O, C, k, k] flattened to [O, C·k·k] f32; all row-major. With CONCAT the input channels
// from `firstChannels` on come from a second tensor X2 [T, C2, H, W] (or, with SHIFTED, from X itself one frame earlier, frame -1 being
// `memory` [1, C2, H, W]). UPSAMPLE reads X through a nearest-neighbour enlargement by `factor`; H and W are then the enlarged sizes.
// Epilogue: RESIDUAL adds residual (like Y); RELU.
//
// One thread computes CHANNELS output channels of one pixel, so that an input value is loaded once for all of them; a group is 64
// neighbouring pixels of a frame. Weights of the channel block go through workgroup memory one input channel at a time.

struct Params {
  frames: u32,
  channels: u32,
  firstChannels: u32,
  height: u32,
  width: u32,
  outChannels: u32,
  outHeight: u32,
  outWidth: u32,
  kernel: u32,
  stride: u32,
  padding: u32,
  factor: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
#if CONCAT
@group(0) @binding(2) var<storage, read> x2: array<f32>;
#endif
@group(0) @binding(3) var<storage, read> w: array<f32>;
#if BIAS
@group(0) @binding(4) var<storage, read> bias: array<f32>;
#endif
#if RESIDUAL
@group(0) @binding(5) var<storage, read> residual: array<f32>;
#endif
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

fn load(t: u32, c: u32, row: i32, column: i32) -> f32 {
  if (row < 0 || column < 0 || row >= i32(params.height) || column >= i32(params.width)) { return 0.0; }
  let h = params.height / params.factor;
  let wide = params.width / params.factor;
  let at = (u32(row) / params.factor) * wide + u32(column) / params.factor;
#if CONCAT
  if (c >= params.firstChannels) {
    let second = params.channels - params.firstChannels;
#if SHIFTED
    if (t > 0u) { return x[((t - 1u) * params.firstChannels + c - params.firstChannels) * h * wide + at]; }
    return x2[(c - params.firstChannels) * h * wide + at];
#else
    return x2[(t * second + c - params.firstChannels) * h * wide + at];
#endif
  }
#endif
  return x[(t * params.firstChannels + c) * h * wide + at];
}

var<workgroup> tileW: array<f32, {{CHANNELS}}u * {{KERNEL}}u * {{KERNEL}}u>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let pixel = group.x * 64u + index;
  let firstOut = group.y * {{CHANNELS}}u;
  let t = group.z;
  let inside = pixel < params.outHeight * params.outWidth;
  let i = i32(pixel / params.outWidth * params.stride) - i32(params.padding);
  let j = i32(pixel % params.outWidth * params.stride) - i32(params.padding);
  const taps = {{KERNEL}}u * {{KERNEL}}u;
  var sum: array<f32, {{CHANNELS}}>;
  for (var c = 0u; c < params.channels; c++) {
    workgroupBarrier();
    for (var at = index; at < {{CHANNELS}}u * taps; at += 64u) {
      let o = firstOut + at / taps;
      tileW[at] = 0.0;
      if (o < params.outChannels) { tileW[at] = w[(o * params.channels + c) * taps + at % taps]; }
    }
    workgroupBarrier();
    if (inside) {
      for (var u = 0u; u < {{KERNEL}}u; u++) {
        for (var v = 0u; v < {{KERNEL}}u; v++) {
          let value = load(t, c, i + i32(u), j + i32(v));
          for (var o = 0u; o < {{CHANNELS}}u; o++) { sum[o] = fma(value, tileW[o * taps + u * {{KERNEL}}u + v], sum[o]); }
        }
      }
    }
  }
  if (!inside) { return; }
  for (var o = 0u; o < {{CHANNELS}}u; o++) {
    if (firstOut + o >= params.outChannels) { break; }
    let at = (t * params.outChannels + firstOut + o) * params.outHeight * params.outWidth + pixel;
    var value = sum[o];
#if BIAS
    value += bias[firstOut + o];
#endif
#if RESIDUAL
    value += residual[at];
#endif
#if RELU
    value = max(value, 0.0);
#endif
    y[at] = value;
  }
}
