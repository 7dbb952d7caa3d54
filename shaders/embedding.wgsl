// y[i, c] = table[ids[i], c]: rows of an embedding table.
//
// Layouts: ids i32 [L]; y f32 [L, width]; the table as in parts/packed-matrix.wgsl.
// One thread four columns of a row, grid-strided, 64 a group. An id outside the table reads row 0: ids come from the tokenizer.
// A table may be bound in windows of `windowRows` rows from `firstRow` on, a dispatch each: each writes the rows that it has.

struct Params {
  count: u32,
  rows: u32,
  width: u32,
  kp: u32,
  firstRow: u32,
  windowRows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < params.count * params.kp; i += groups.x * 64u) {
    let column = 4u * (i % params.kp);
    var row = u32(ids[i / params.kp]);
    if (row >= params.rows) { row = 0u; }
    row -= params.firstRow; // wraps where it is before the window
    if (row >= params.windowRows) { continue; }
    let value = weights(row * params.kp, i % params.kp);
    for (var c = 0u; c < min(4u, params.width - column); c++) { y[i / params.kp * params.width + column + c] = value[c]; }
  }
}
