import { Mt19937 } from './mt19937';

/** n values of the standard normal distribution at every call. */
export interface NoiseSource {
  next(count: number): Float32Array;
}

const RUN = 16;
const TWO_PI_F32 = Math.fround(2 * Math.PI);

/**
 * `torch.randn` of torch's CPU generator (ATen/native/cpu/DistributionTemplates.h, normal_fill and
 * normal_distribution): the same stream for the same seed, call after call, to within 1e-6.
 *
 * Fewer than 16 values are drawn in pairs in f64, and the second of an odd pair waits in the generator for the
 * next small draw. From 16 on, values are made in runs of 16 uniforms, and every operation rounds to f32, as torch's
 * vector code does (an f64 evaluation, rounded once, is off by up to 1.6e-6).
 */
export class TorchGenerator implements NoiseSource {
  readonly #words: Mt19937;
  #waiting: number | null = null;

  constructor(seed: number | bigint) {
    this.#words = new Mt19937(seed);
  }

  /** `torch.randn(count)`; a tensor of any shape is the same stream, row-major. */
  next(count: number): Float32Array {
    return count < RUN ? this.#drawSmall(count) : this.#drawLarge(count);
  }

  #drawSmall(count: number): Float32Array {
    return Float32Array.from({ length: count }, () => {
      if (this.#waiting !== null) {
        const value = this.#waiting;
        this.#waiting = null;
        return value;
      }
      const u1 = this.#words.nextFraction53();
      const u2 = this.#words.nextFraction53();
      const radius = Math.sqrt(-2 * Math.log1p(-u2));
      const angle = 2 * Math.PI * u1;
      this.#waiting = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    });
  }

  #drawLarge(count: number): Float32Array {
    const values = new Float32Array(count);
    const fill = (from: number, to: number): void => {
      for (let i = from; i < to; i++) values[i] = this.#words.nextFraction24();
    };
    fill(0, count);
    for (let start = 0; start + RUN <= count; start += RUN) transformRun(values, start);
    if (count % RUN !== 0) {
      // The rest takes 16 new uniforms, and so overwrites the end of the last whole run.
      fill(count - RUN, count);
      transformRun(values, count - RUN);
    }
    return values;
  }
}

/** Box–Muller in place on 16 uniforms: the first 8 give radii, the last 8 angles. */
function transformRun(values: Float32Array, start: number): void {
  const { fround } = Math;
  for (let j = start; j < start + RUN / 2; j++) {
    const logarithm = fround(Math.log(fround(1 - values[j]!)));
    const radius = fround(Math.sqrt(fround(-2 * logarithm)));
    const angle = fround(TWO_PI_F32 * values[j + RUN / 2]!);
    values[j] = radius * fround(Math.cos(angle));
    values[j + RUN / 2] = radius * fround(Math.sin(angle));
  }
}
