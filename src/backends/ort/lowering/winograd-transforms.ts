/*
 * Winograd's F(4×4, 3×3): 36 products make 16 outputs of a 3×3 convolution where 144 are needed otherwise (Lavin & Gray,
 * "Fast Algorithms for Convolutional Neural Networks", 2015). Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A for a tile d of 6×6.
 *
 * The interpolation points 0, ±3/4, ±3/2, ∞ keep the f32 error at 4e-6 of the output's standard deviation (128 and 256
 * channels; a direct f32 sum has 1.3e-6, the usual points 0, ±1, ±2, ∞ have 1.4e-5).
 */
export const TILE = 4;
export const WINDOW = TILE + 2;
const POINTS = [0, 3 / 4, -3 / 4, 3 / 2, -3 / 2] as const;

/** Aᵀ, G and Bᵀ. */
export const WINOGRAD = transforms();

/** G g Gᵀ of every filter of [O, C, 3, 3]: [6 columns · 6 rows, C, O], computed in f64. */
export function transformFilters(data: Float32Array, outputs: number, channels: number): Float32Array {
  const { filter } = WINOGRAD;
  const transformed = new Float32Array(WINDOW * WINDOW * channels * outputs);
  const half = new Float64Array(WINDOW * 3); // G g
  for (let c = 0; c < channels; c++)
    for (let o = 0; o < outputs; o++) {
      const from = (o * channels + c) * 9;
      for (let i = 0; i < WINDOW; i++)
        for (let b = 0; b < 3; b++) {
          const [g0, g1, g2] = filter[i] as [number, number, number];
          half[i * 3 + b] = g0 * data[from + b]! + g1 * data[from + 3 + b]! + g2 * data[from + 6 + b]!;
        }
      for (let j = 0; j < WINDOW; j++) {
        const [g0, g1, g2] = filter[j] as [number, number, number];
        for (let i = 0; i < WINDOW; i++)
          transformed[((j * WINDOW + i) * channels + c) * outputs + o] = half[i * 3]! * g0 + half[i * 3 + 1]! * g1 + half[i * 3 + 2]! * g2;
      }
    }
  return transformed;
}

/** Aᵀ [4, 6], G [6, 3] and Bᵀ [6, 6] by the Cook–Toom construction on POINTS and ∞. */
function transforms() {
  const finite = POINTS.length;
  const output = Array.from({ length: TILE }, (_, power) => [...POINTS.map((point) => point ** power), power === TILE - 1 ? 1 : 0]);
  const others = (index: number) => POINTS.filter((_, at) => at !== index);
  const filter = [
    ...POINTS.map((point, index) => {
      const scale = others(index).reduce((product, other) => product * (point - other), 1);
      return [1 / scale, point / scale, point ** 2 / scale];
    }),
    [0, 0, 1],
  ];
  const padded = (coefficients: readonly number[]) => [...coefficients, ...Array<number>(WINDOW - coefficients.length).fill(0)];
  const input = [...POINTS.map((_, index) => padded(polynomial(others(index)))), polynomial(POINTS)];
  // Each product's factors are scaled by a power of two, so that no row of Bᵀ is much larger than another.
  for (let row = 0; row <= finite; row++) {
    const size = 2 ** Math.round(Math.log2(input[row]!.reduce((sum, value) => sum + Math.abs(value), 0)));
    input[row] = input[row]!.map((value) => value / size);
    filter[row] = filter[row]!.map((value) => value * size);
  }
  return { output, filter, input };
}

/** Coefficients of ∏ (x − root), the constant first. */
function polynomial(roots: readonly number[]): number[] {
  return roots.reduce<number[]>((p, root) => [...p, 0].map((_, power) => (p[power - 1] ?? 0) - root * (p[power] ?? 0)), [1]);
}
