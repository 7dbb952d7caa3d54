const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

/**
 * The error function to f64 precision: erf x = 2/√π · e^(−x²) · Σₙ 2ⁿ x^(2n+1) / (2n+1)!! (Abramowitz and
 * Stegun 7.1.6). All terms have one sign, so nothing cancels; beyond 6 it is 1 to the last bit.
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) >= 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_ROOT_PI * Math.exp(-x * x) * sum;
}
