import { PHASES, type Phase, type Progress } from './types';

/** What is told beside how far it is. */
type Extra = Pick<Progress, 'preview' | 'note' | 'plannedMemoryBytes'>;

/** Seconds that each phase of a job is expected to take; a phase that is left out does not occur. */
export type Expectation = Readonly<Partial<Record<Phase, number>>>;

interface Running {
  readonly phase: Phase;
  readonly total: number;
  /** Work that was done before this job, and says nothing about its pace. */
  readonly from: number;
  readonly startedMs: number;
  done: number;
}

/** A phase shorter than this says nothing about its own speed yet. */
const MIN_EVIDENCE_MS = 300;

/**
 * Turns work units into a fraction that never falls and an estimate of the time left. What has been measured in this job
 * replaces what was expected, phase by phase; `isMeasured` says whether the expectations themselves come from earlier jobs.
 */
export class ProgressMeter {
  readonly #expected: Partial<Record<Phase, number>>;
  readonly #spentMs: Partial<Record<Phase, number>> = {};
  readonly #finished = new Set<Phase>();
  readonly #isMeasured: boolean;
  readonly #emit: (progress: Progress) => void;
  readonly #now: () => number;
  readonly #startMs: number;
  #running: Running | null = null;
  #fraction = 0;

  constructor(expected: Expectation, options: { isMeasured: boolean; emit: (progress: Progress) => void; now: () => number }) {
    this.#expected = { ...expected };
    this.#isMeasured = options.isMeasured;
    this.#emit = options.emit;
    this.#now = options.now;
    this.#startMs = options.now();
  }

  /** Seconds spent so far, by phase, and in all. */
  get seconds(): Partial<Record<Phase | 'total', number>> {
    const spent = Object.fromEntries(Object.entries(this.#spentMs).map(([phase, ms]) => [phase, ms / 1000]));
    return { ...spent, total: (this.#now() - this.#startMs) / 1000 };
  }

  start(phase: Phase, total: number, { from = 0, ...extra }: { from?: number } & Extra = {}): void {
    this.#running = { phase, total, from, startedMs: this.#now(), done: from };
    this.#finished.delete(phase);
    this.#report(extra);
  }

  advance(done: number, extra: Extra = {}): void {
    if (!this.#running) return;
    this.#running.done = done;
    this.#report(extra);
  }

  /** Ends the running phase. `spentMs` is given where phases interleave and the wall clock does not tell. */
  end(spentMs?: number): void {
    const running = this.#running;
    if (!running) return;
    this.#running = null;
    this.add(running.phase, spentMs ?? this.#now() - running.startedMs);
    this.#finished.add(running.phase);
  }

  /** Counts time towards a phase that ran beside another. */
  add(phase: Phase, ms: number): void {
    this.#spentMs[phase] = (this.#spentMs[phase] ?? 0) + ms;
  }

  #report(extra: Extra): void {
    const running = this.#running;
    if (!running) return;
    const leftMs = this.#leftMs(running);
    const spentMs = this.#now() - this.#startMs;
    const isLast = leftMs === 0 && running.done >= running.total;
    const fraction = isLast ? 1 : spentMs + leftMs === 0 ? 0 : spentMs / (spentMs + leftMs);
    this.#fraction = Math.min(1, Math.max(this.#fraction, fraction));
    const { phase, done, total } = running;
    this.#emit({ phase, done, total, fraction: this.#fraction, etaSeconds: this.#hasEvidence(running) ? leftMs / 1000 : null, ...extra });
  }

  /** Time left: the running phase at its own pace once it has one, the later ones as expected. */
  #leftMs(running: Running): number {
    let left = 0;
    for (const phase of PHASES) {
      if (this.#finished.has(phase)) continue;
      const expectedMs = (this.#expected[phase] ?? 0) * 1000;
      if (phase !== running.phase) {
        if (PHASES.indexOf(phase) > PHASES.indexOf(running.phase)) left += expectedMs;
        continue;
      }
      const { done, total, from } = running;
      const elapsedMs = this.#now() - running.startedMs;
      const share = total > from ? Math.min(1, Math.max(0, (done - from) / (total - from))) : 0;
      const hasPace = share === 1 || (share > 0 && elapsedMs >= MIN_EVIDENCE_MS);
      // Until there is a pace, the expectation counts down by itself.
      left += hasPace ? (elapsedMs / share) * (1 - share) : Math.max(expectedMs * (1 - share) - (share > 0 ? 0 : elapsedMs), 0);
    }
    return left;
  }

  /** An estimate is shown when earlier jobs were measured, or when this job's long phases have begun to show their pace. */
  #hasEvidence(running: Running): boolean {
    if (this.#isMeasured || this.#finished.has('denoise')) return true;
    return (
      (running.phase === 'denoise' || running.phase === 'download') &&
      running.done > running.from &&
      this.#now() - running.startedMs >= MIN_EVIDENCE_MS
    );
  }
}
