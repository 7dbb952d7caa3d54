import type { Golden } from './fixture-folder';

/** How far a result may be from its golden. Of the golden's standard deviation, or absolute. */
export interface Tolerance {
  readonly max: number;
  readonly rms?: number;
  readonly absolute?: boolean;
}

/** How a network is computed: `exact` is f32; `fast` is f16, with int8 where weights are Q8_0. */
export type Arithmetic = 'f32' | 'f16' | 'int8';

/** What results may be off by: test/fixtures/README.md's columns for f32 and f16. */
export interface Tolerances {
  readonly wan: Tolerance;
  readonly sinusoid: Tolerance;
  readonly umt5: Tolerance;
  readonly bertStates: Tolerance;
  readonly bertSentence: Tolerance;
  readonly taewTaps: Tolerance;
  readonly taewFrames: Tolerance;
  readonly streamed: Tolerance;
  /** Latents of the pipeline, after any step. */
  readonly latents: Tolerance;
}

/** Tables come from the host in either arithmetic; diffusers' own sinusoid is the loose one (an f32 angle). */
const SINUSOID: Tolerance = { max: 3e-4 };

/**
 * int8: activations rounded in blocks of 32 to 1/127 of their largest are off by 4.8e-3 of their deviation, at every linear with Q8_0
 * weights. Measured, worst: 3.1e-2 / 5.0e-3 (docs/performance.md).
 */
const INT8: Tolerance = { max: 6e-2, rms: 1.2e-2 };

export const TOLERANCES: Readonly<Record<Arithmetic, Tolerances>> = {
  f32: {
    wan: { max: 1e-4 },
    sinusoid: SINUSOID,
    umt5: { max: 1e-4 },
    bertStates: { max: 1e-4 },
    bertSentence: { max: 1e-5, absolute: true },
    taewTaps: { max: 1e-4 },
    taewFrames: { max: 1e-4, absolute: true },
    streamed: { max: 1e-6 },
    latents: { max: 3e-4 },
  },
  f16: {
    wan: { max: 2e-2, rms: 4e-3 },
    sinusoid: SINUSOID,
    umt5: { max: 2e-2, rms: 5e-3 },
    bertStates: { max: 2e-2 },
    bertSentence: { max: 2e-2 },
    taewTaps: { max: 2e-2 },
    taewFrames: { max: 2e-2, absolute: true },
    streamed: { max: 2e-2 },
    latents: { max: 3e-2, rms: 6e-3 },
  },
  int8: {
    wan: INT8,
    sinusoid: SINUSOID,
    umt5: INT8,
    bertStates: INT8,
    bertSentence: { max: 2e-2 },
    taewTaps: { max: 2e-2 },
    taewFrames: { max: 2e-2, absolute: true },
    streamed: { max: 2e-2 },
    latents: INT8,
  },
};

export interface Comparison {
  readonly what: string;
  readonly max: number;
  readonly rms: number;
  readonly tolerance: Tolerance;
  readonly passed: boolean;
}

/** max|a − b| and rms(a − b), of std(golden) unless the tolerance is absolute. Unequal lengths and NaN never pass. */
export function compare(
  what: string,
  actual: ArrayLike<number>,
  { data: expected }: Pick<Golden, 'data'>,
  tolerance: Tolerance,
): Comparison {
  const count = expected.length;
  if (actual.length !== count || count === 0)
    return { what: `${what} (${actual.length} values for ${count})`, max: NaN, rms: NaN, tolerance, passed: false };
  let sum = 0;
  for (let i = 0; i < count; i++) sum += expected[i]!;
  let variance = 0;
  let max = 0;
  let squares = 0;
  for (let i = 0; i < count; i++) {
    variance += (expected[i]! - sum / count) ** 2 / count;
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= max)) max = difference; // NaN stays
    squares += difference ** 2;
  }
  const unit = tolerance.absolute ? 1 : Math.sqrt(variance);
  const measured = { max: max / unit, rms: Math.sqrt(squares / count) / unit };
  return {
    what,
    ...measured,
    tolerance,
    passed: measured.max <= tolerance.max && (tolerance.rms === undefined || measured.rms <= tolerance.rms),
  };
}

/** `block0.out: max 3.1e-6 rms 4.0e-7 (limit 1e-4)`. */
export function describeComparison({ what, max, rms, tolerance, passed }: Comparison): string {
  const limit = `${tolerance.max}${tolerance.rms === undefined ? '' : ` / ${tolerance.rms}`}${tolerance.absolute ? ' absolute' : ''}`;
  return `${passed ? 'ok  ' : 'FAIL'} ${what}: max ${max.toExponential(1)} rms ${rms.toExponential(1)} (limit ${limit})`;
}
