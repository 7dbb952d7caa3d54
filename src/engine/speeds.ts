import * as v from 'valibot';
import type { KeptValues } from './environment';
import type { Expectation } from './progress-meter';
import type { GenerationSpec } from './spec';
import type { Phase } from './types';

/** Seconds per unit of work, by phase, as measured by earlier jobs; the unit is a phase's own (see `workOf`). */
type Speeds = Partial<Record<Phase, number>>;

/**
 * First guesses, until a job has been measured: a laptop's two cores on the bundled model. They only shape the progress bar; no
 * time left is shown from them alone.
 */
const FIRST_GUESS: Required<Speeds> = {
  download: 1 / 8e6,
  load: 1 / 8e6,
  'encode-prompt': 0.1,
  denoise: 2e-4,
  decode: 4e-6,
  'encode-video': 1e-6,
};

const stored = v.record(v.string(), v.pipe(v.number(), v.finite(), v.minValue(0)));

/** What a job has to do in each phase: bytes, prompts, latent values over all passes, pixels. */
export function workOf(spec: GenerationSpec, bytes: { download: number; load: number }): Record<Phase, number> {
  const pixels = spec.width * spec.height * spec.frames;
  const passes = spec.guidance === 1 ? 1 : 2;
  return {
    download: bytes.download,
    load: bytes.load,
    'encode-prompt': passes,
    // Four frames a latent frame; the constant of the spatial compression is in the measured speed.
    denoise: (spec.steps * passes * pixels) / 64,
    decode: pixels,
    'encode-video': pixels,
  };
}

/** Remembers how fast each way of running was, so that the next job can say how long it will take. */
export class SpeedBook {
  readonly #kept: KeptValues;

  constructor(kept: KeptValues) {
    this.#kept = kept;
  }

  /** What a job will take, and whether that rests on measurements. */
  async expect(way: string, work: Record<Phase, number>): Promise<{ expected: Expectation; isMeasured: boolean }> {
    const speeds = await this.#read(way);
    const expected: Partial<Record<Phase, number>> = {};
    for (const [phase, amount] of Object.entries(work) as [Phase, number][])
      if (amount > 0) expected[phase] = amount * (speeds[phase] ?? FIRST_GUESS[phase]);
    const isMeasured = (Object.keys(expected) as Phase[]).every(
      (phase) => speeds[phase] !== undefined || phase === 'download' || phase === 'load',
    );
    return { expected, isMeasured: isMeasured && expected.download === undefined };
  }

  /** Takes a finished job's measurements over. */
  async learn(way: string, work: Record<Phase, number>, seconds: Readonly<Partial<Record<Phase | 'total', number>>>): Promise<void> {
    const speeds = await this.#read(way);
    for (const [phase, amount] of Object.entries(work) as [Phase, number][]) {
      const measured = seconds[phase];
      if (amount > 0 && measured !== undefined) speeds[phase] = measured / amount;
    }
    await this.#kept.set(`speeds:${way}`, speeds);
  }

  async #read(way: string): Promise<Speeds> {
    const result = v.safeParse(stored, await this.#kept.get(`speeds:${way}`));
    return result.success ? { ...result.output } : {};
  }
}
