// Activation functions, for gemm.wgsl's epilogue and elementwise.wgsl.

// Abramowitz and Stegun 7.1.26: |error| below 1.5e-7.
fn erf(v: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * abs(v));
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(v) * (1.0 - p * exp(-v * v));
}

fn geluErf(v: f32) -> f32 { return 0.5 * v * (1.0 + erf(v * 0.7071067811865476)); }

// tanh overflows in some implementations beyond about 40; it is 1 to f32 from 10 on.
fn safeTanh(v: f32) -> f32 { return tanh(clamp(v, -10.0, 10.0)); }

fn gelu(v: f32) -> f32 { return 0.5 * v * (1.0 + safeTanh(0.7978845608028654 * (v + 0.044715 * v * v * v))); }

fn silu(v: f32) -> f32 { return v / (1.0 + exp(-v)); }

fn relu(v: f32) -> f32 { return max(v, 0.0); }
