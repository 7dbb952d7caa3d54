// What follows a matrix product: Y[m, n] = (residual[m, n] +) (gate[m / rowsPerGate, n] ·) ACTIVATION(product + bias[n]).
// ACTIVATION is a function of activations.wgsl. A dispatch may do a part: `weightRows` columns of Y from `firstColumn` on, of the rows from
// `firstRow` on, when W or the activations are bound in windows; X, residual and Y then begin at that row, bias and gate are whole. Rows of
// the gate are `gateStride` apart.

struct Params {
  m: u32,
  n: u32,
  k: u32,
  kp: u32,
  rowsPerGate: u32,
  firstGroup: u32,
  weightRows: u32,
  firstColumn: u32,
  firstRow: u32,
  gateStride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#if BIAS
@group(0) @binding(4) var<storage, read> bias: array<f32>;
#endif
#if RESIDUAL
@group(0) @binding(5) var<storage, read> residual: array<f32>;
#endif
#if GATED
@group(0) @binding(6) var<storage, read> gate: array<f32>;
#endif
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

fn store(m: u32, row: u32, sum: f32) {
  if (m >= params.m || row >= params.weightRows) { return; }
  let n = row + params.firstColumn;
  var value = sum;
#if BIAS
  value += bias[n];
#endif
#if ACTIVATED
  value = {{ACTIVATION}}(value);
#endif
#if GATED
  value *= gate[((m + params.firstRow) / params.rowsPerGate) * params.gateStride + n];
#endif
#if RESIDUAL
  value += residual[m * params.n + n];
#endif
  y[m * params.n + n] = value;
}
