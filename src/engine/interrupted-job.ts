import * as v from 'valibot';
import type { DenoiseState } from '../pipeline/types';
import type { KeptValues } from './environment';
import { specSchema, WIDEST_LIMITS, type GenerationSpec } from './spec';

/** A job that was stopped, failed, or whose page was closed: its recipe and the state after its last finished step, if any. */
export interface InterruptedJob {
  readonly spec: GenerationSpec;
  readonly state: DenoiseState | null;
}

const KEY = 'interrupted-job';

/** Writing every step of a fast model would cost more than the step; a reload then loses at most this much. */
const MIN_INTERVAL_MS = 1_000;

const floats = v.instance(Float32Array);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const record = v.object({
  spec: specSchema(WIDEST_LIMITS),
  state: v.nullable(
    v.object({
      step: count,
      latents: v.object({ data: floats, shape: v.tuple([count, count, count, count]) }),
      history: v.optional(v.record(v.string(), floats)),
    }),
  ),
});

/**
 * Keeps the running job where a reload finds it. Writes are throttled and never overlap; a write that fails (no room left) must
 * not take the job with it, so the failure is kept in `problem` for the report.
 */
export class InterruptedJobKeeper {
  readonly #kept: KeptValues;
  readonly #now: () => number;
  #lastWriteMs = -Infinity;
  #pending: InterruptedJob | null = null;
  #writing: Promise<void> = Promise.resolve();
  problem: string | null = null;

  constructor(kept: KeptValues, now: () => number) {
    this.#kept = kept;
    this.#now = now;
  }

  /** Notes a job's state; writes it now when `isUrgent` or the last write is long enough ago. */
  note(job: InterruptedJob, isUrgent = false): void {
    this.#pending = job;
    if (!isUrgent && this.#now() - this.#lastWriteMs < MIN_INTERVAL_MS) return;
    this.#lastWriteMs = this.#now();
    this.#write();
  }

  /** Writes what is still unwritten. */
  async flush(): Promise<void> {
    if (this.#pending) this.#write();
    await this.#writing;
  }

  /** Forgets the job: it is done. */
  async clear(): Promise<void> {
    this.#pending = null;
    await this.#writing;
    await this.#kept.delete(KEY).catch(() => this.#kept.set(KEY, null));
  }

  #write(): void {
    this.#writing = this.#writing.then(async () => {
      const job = this.#pending;
      if (!job) return;
      this.#pending = null;
      try {
        await this.#kept.set(KEY, job);
      } catch (error) {
        this.problem = error instanceof Error ? error.message : String(error);
      }
    });
  }
}

/** The job that an earlier page left behind, or null; what can't be read counts as none. */
export async function readInterruptedJob(kept: KeptValues): Promise<InterruptedJob | null> {
  const result = v.safeParse(record, await kept.get(KEY));
  if (!result.success) return null;
  const { spec, state } = result.output;
  if (state && state.latents.data.length !== state.latents.shape.reduce((product, size) => product * size, 1)) return null;
  return { spec, state: state && { step: state.step, latents: state.latents, ...(state.history ? { history: state.history } : {}) } };
}
