// Decoded frames to what video encoders take: I420, BT.709, limited range, byte for byte what src/media/i420.ts makes.
//
// Layouts: x [frames, 3, height, width] f32, red, green and blue in [0, 1]; values beyond are clamped, then rounded to 8 bits, half to even.
// y [frames, words]: per frame Y [height, width], Cb and Cr [height / 2, width / 2], four bytes a word, lowest first, the last word padded
// with zeros. Sizes are even. y is zeros to begin with.
//
// Colours are bound by themselves, and what is bound begins with the element `…Start` of x or y: where they are more than a binding may hold, a dispatch
// makes only words from `firstWord` to before `endWord` of all, and adds to those only what lies in rows from `firstRow` to before `endRow` of the picture
// (a word may hold the last of Cb and the first of Cr).
//
// All in whole numbers, so that no two devices differ: weights in 1/10,000, sums below 2^31. A chroma sample is that of its four pixels' mean.
// One thread a word (four bytes), grid-strided, 64 a group.

struct Params {
  height: u32,
  width: u32,
  words: u32,
  firstWord: u32,
  endWord: u32,
  firstRow: u32,
  endRow: u32,
  redStart: u32,
  greenStart: u32,
  blueStart: u32,
  yStart: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> red: array<f32>;
@group(0) @binding(2) var<storage, read> green: array<f32>;
@group(0) @binding(3) var<storage, read> blue: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

const WEIGHTS = vec3<i32>(2126, 7152, 722);

fn inPart(row: u32) -> bool { return row >= params.firstRow && row < params.endRow; }

fn colour(frame: u32, row: u32, column: u32) -> vec3<i32> {
  let plane = params.height * params.width;
  let at = frame * 3u * plane + row * params.width + column;
  let rgb = vec3<f32>(red[at - params.redStart], green[at + plane - params.greenStart], blue[at + 2u * plane - params.blueStart]);
  return vec3<i32>(round(clamp(rgb * 255.0, vec3<f32>(0.0), vec3<f32>(255.0))));
}

fn weighted(rgb: vec3<i32>) -> i32 { return WEIGHTS.x * rgb.x + WEIGHTS.y * rgb.y + WEIGHTS.z * rgb.z; }

fn byteAt(frame: u32, index: u32) -> u32 {
  let plane = params.height * params.width;
  if (index < plane) {
    if (!inPart(index / params.width)) { return 0u; }
    let sum = weighted(colour(frame, index / params.width, index % params.width));
    return (84150000u + 438u * u32(sum)) / 5100000u;
  }
  let quarter = plane / 4u;
  if (index >= plane + 2u * quarter) { return 0u; }
  let at = (index - plane) % quarter;
  let half = params.width / 2u;
  let row = 2u * (at / half);
  if (!inPart(row)) { return 0u; }
  let column = 2u * (at % half);
  let rgb = colour(frame, row, column) + colour(frame, row, column + 1u) + colour(frame, row + 1u, column) + colour(frame, row + 1u, column + 1u);
  let sum = weighted(rgb);
  if (index < plane + quarter) { return u32(304016865 + 28 * (10000 * rgb.z - sum)) / 2365890u; }
  return u32(258011295 + 28 * (10000 * rgb.x - sum)) / 2007870u;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = params.firstWord + id.x; i < params.endWord; i += groups.x * 64u) {
    let frame = i / params.words;
    let first = 4u * (i % params.words);
    y[i - params.yStart] |= byteAt(frame, first) | (byteAt(frame, first + 1u) << 8u) | (byteAt(frame, first + 2u) << 16u) | (byteAt(frame, first + 3u) << 24u);
  }
}
