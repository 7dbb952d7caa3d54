// Convolution as implicit GEMM: Y[t, o, i, j] = epilogue(Σ_{c, u, v} W[o, c, u, v] · X[t, c, s·i + u - p, s·j + v - p] + bias[o])
//
// Layouts: X [T, C, H, W]; Y [T, O, OH, OW], row-major f32; W packed as [C, k, k, O / 4] vec4s, O padded with zeros to whole blocks.
// With CONCAT the input channels from `firstChannels` on come from a second tensor X2 [T, C2, H, W] or, with SHIFTED, from X itself
// one frame earlier, frame -1 being X2 [1, C2, H, W]. UPSAMPLE reads X through a nearest-neighbour enlargement by `factor`; H and W are
// then the enlarged sizes. Epilogue: RESIDUAL adds residual (like Y); RELU; CLAMP to [low, high].
//
// One thread computes PIXELS neighbouring pixels of a row by 4 · BLOCKS output channels in registers, spelled out: a row of INPUTS =
// (PIXELS - 1) · STRIDE + KERNEL inputs is loaded once for all its taps, a weight vector once for all pixels. THREADS threads a group, all
// with the same weights. HALF (`fast` precision, needs shader-f16): weights and products are f16, their sums f32. SHUFFLE: the output's
// channels become r x r pixels each: Y is [T, O / r², r · OH, r · OW] with r = `shuffle`. No workgroup memory, no barriers. A dispatch may be cut along the pixels: `firstGroup` is the first group it does.
//
// PART: where a picture or the weights are more than a binding may hold, a dispatch does rows from `firstRow` to before `endRow` of output channels from `firstOut` to
// before `endOut` of one frame, and adds up only kernel rows from `firstTap` to before `endTap` of `channels` input channels, the first of
// which has its weights from the vec4 -`weightStart` of what is bound on (it may lie before that: sums wrap). All but the last for an output leave their sums in Y as they are (SUSPEND), all but the first go on from there (RESUME): in
// the order of the whole, so with the same bits. What is bound of X, Y and the residual begins with the element `…Start` of its tensor.

struct Params {
  channels: u32,
  firstChannels: u32,
  height: u32,
  width: u32,
  outChannels: u32,
  outHeight: u32,
  outWidth: u32,
  padding: u32,
  factor: u32,
  firstGroup: u32,
  shuffle: u32,
  low: f32,
  high: f32,
#if PART
  firstRow: u32,
  endRow: u32,
  firstOut: u32,
  endOut: u32,
  firstTap: u32,
  endTap: u32,
  weightStart: u32,
  xStart: u32,
  yStart: u32,
  residualStart: u32,
#endif
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
#if CONCAT
@group(0) @binding(2) var<storage, read> x2: array<f32>;
#endif
@group(0) @binding(3) var<storage, read> w: array<vec4<{{ELEMENT}}>>;
#if BIAS
@group(0) @binding(4) var<storage, read> bias: array<f32>;
#endif
#if RESIDUAL
@group(0) @binding(5) var<storage, read> residual: array<f32>;
#endif
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

#if SHUFFLE
// Where a pixel of a channel comes to lie.
fn shuffled(t: u32, o: u32, row: u32, column: u32) -> u32 {
  let r = params.shuffle;
  let at = ((t * (params.outChannels / (r * r)) + o / (r * r)) * params.outHeight * r + row * r + o / r % r) * params.outWidth * r + column * r + o % r;
#if PART
  return at - params.yStart;
#else
  return at;
#endif
}
#endif

@compute @workgroup_size({{THREADS}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let across = (params.outWidth + {{PIXELS}}u - 1u) / {{PIXELS}}u;
  let strip = (group.x + params.firstGroup) * {{THREADS}}u + index;
#if PART
  let row = strip / across + params.firstRow;
  if (row >= params.endRow) { return; }
  let block = group.y + params.firstOut / ({{BLOCKS}}u * 4u);
#else
  let row = strip / across;
  if (row >= params.outHeight) { return; }
  let block = group.y;
#endif
  let column = strip % across * {{PIXELS}}u;
  let t = group.z;
  let firstOut = block * {{BLOCKS}}u * 4u;
  let vectors = (params.outChannels + 4u * {{BLOCKS}}u - 1u) / (4u * {{BLOCKS}}u) * {{BLOCKS}}u;
  let wide = params.width / params.factor;
  let plane = params.height / params.factor * wide;
  // Where this thread's inputs are in a row, and whether they are in the picture.
#repeat n INPUTS
  let column$n = i32(column * {{STRIDE}}u) + $n - i32(params.padding);
  let inside$n = column$n >= 0 && column$n < i32(params.width);
  let at$n = u32(clamp(column$n, 0, i32(params.width) - 1)) / params.factor;
#end
#repeat p PIXELS
#repeat b BLOCKS
  var sum$p_$b = vec4<f32>(0.0);
#end
#end
#if RESUME
#repeat b BLOCKS
#repeat o 4
  if (firstOut + 4 * $b + $o >= params.firstOut && firstOut + 4 * $b + $o < params.endOut) {
    let o = firstOut + 4 * $b + $o;
#repeat p PIXELS
    if (column + $p < params.outWidth) {
#if SHUFFLE
      sum$p_$b[$o] = y[shuffled(t, o, row, column + $p)];
#else
      sum$p_$b[$o] = y[((t * params.outChannels + o) * params.outHeight + row) * params.outWidth + column + $p - params.yStart];
#endif
    }
#end
  }
#end
#end
#endif
#if PART
  for (var u = params.firstTap; u < params.endTap; u++) {
#else
  for (var u = 0u; u < {{KERNEL}}u; u++) {
#endif
    let inputRow = i32(row * {{STRIDE}}u + u) - i32(params.padding);
    if (inputRow < 0 || inputRow >= i32(params.height)) { continue; }
    let offset = u32(inputRow) / params.factor * wide;
    for (var c = 0u; c < params.channels; c++) {
#repeat n INPUTS
      var value$n = 0.0;
#end
#if CONCAT
      if (c >= params.firstChannels) {
#if SHIFTED
        let other = c - params.firstChannels;
        if (t > 0u) {
          let source = ((t - 1u) * params.firstChannels + other) * plane + offset;
#repeat n INPUTS
          value$n = x[source + at$n];
#end
        } else {
          let source = other * plane + offset;
#repeat n INPUTS
          value$n = x2[source + at$n];
#end
        }
#else
        let source = (t * (params.channels - params.firstChannels) + c - params.firstChannels) * plane + offset;
#repeat n INPUTS
        value$n = x2[source + at$n];
#end
#endif
      } else {
#else
      {
#endif
#if PART
        let source = c * plane + offset - params.xStart;
#else
        let source = (t * params.firstChannels + c) * plane + offset;
#endif
#repeat n INPUTS
        value$n = x[source + at$n];
#end
      }
#repeat n INPUTS
      value$n = select(0.0, value$n, inside$n);
#end
      let tap = (c * {{KERNEL}}u + u) * {{KERNEL}}u;
#repeat v KERNEL
#repeat b BLOCKS
#if PART
      let w$v_$b = w[(tap + $v) * vectors + block * {{BLOCKS}}u + $b - params.weightStart];
#else
      let w$v_$b = w[(tap + $v) * vectors + block * {{BLOCKS}}u + $b];
#endif
#repeat p PIXELS
#if HALF
      sum$p_$b += vec4<f32>(vec4<f16>(f16(value$($p*STRIDE+$v))) * w$v_$b);
#else
      sum$p_$b = fma(vec4<f32>(value$($p*STRIDE+$v)), w$v_$b, sum$p_$b);
#endif
#end
#end
#end
    }
  }
#repeat b BLOCKS
#repeat o 4
#if PART
  if (firstOut + 4 * $b + $o >= params.firstOut && firstOut + 4 * $b + $o < params.endOut) {
#else
  if (firstOut + 4 * $b + $o < params.outChannels) {
#endif
    let o = firstOut + 4 * $b + $o;
    let first = ((t * params.outChannels + o) * params.outHeight + row) * params.outWidth;
#repeat p PIXELS
    if (column + $p < params.outWidth) {
      var value = sum$p_$b[$o];
#if BIAS
      value += bias[o];
#endif
#if RESIDUAL
#if PART
      value += residual[first + column + $p - params.residualStart];
#else
      value += residual[first + column + $p];
#endif
#endif
#if RELU
      value = max(value, 0.0);
#endif
#if CLAMP
      value = clamp(value, params.low, params.high);
#endif
#if SHUFFLE
      y[shuffled(t, o, row, column + $p)] = value;
#else
#if PART
      y[first + column + $p - params.yStart] = value;
#else
      y[first + column + $p] = value;
#endif
#endif
    }
#end
  }
#end
#end
}
