import type { Gpu } from './gpu';
import type { Kernel } from './kernel';
import { SubmissionTimer } from './submission-timer';

/** One kernel, bound and ready. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  /** Where its uniform is. */
  readonly params: { readonly buffer: GPUBuffer; readonly offset: number };
}

/** What a profiled dispatch took. */
export interface DispatchRecord {
  readonly graph: string;
  readonly shader: string;
  /** Sizes and specialisation in words. */
  readonly label: string;
  readonly work: number;
  readonly ms: number;
}

/** A submission should take about this long: half of the 100 ms beyond which displays stutter. */
const TARGET_MS = 50;
/** Submissions on the way before the next is encoded: one runs, one waits. */
const MAX_IN_FLIGHT = 2;
/** First guesses, multiply-adds a millisecond: low, so that the first submission is short; measured ones follow at once. */
const FIRST_RATE = { hardware: 1e8, software: 2e5 };

export interface SubmitterOptions {
  readonly software: boolean;
  /** How long a submission should take. */
  readonly submissionMs?: number | undefined;
  /** Profiling: every dispatch becomes a submission of its own, waited for and reported. */
  readonly onDispatch?: ((record: DispatchRecord) => void) | undefined;
  /** Told what every submission took: by the GPU's own clock, or else by the time until it was done. */
  readonly onSubmission?: ((record: { readonly ms: number; readonly work: number; readonly byTimestamps: boolean }) => void) | undefined;
}

/**
 * Sends dispatches to the GPU in submissions of about 50 ms, by the measured speed of those before: a display must not freeze and no
 * watchdog reset the device. A kernel that is longer by itself is cut where it can be. At most two submissions are under way, so a
 * caller that stops waits for no more than those.
 */
export class Submitter {
  readonly #gpu: Gpu;
  readonly #onDispatch: SubmitterOptions['onDispatch'];
  readonly #onSubmission: SubmitterOptions['onSubmission'];
  #timer: SubmissionTimer | null = null;
  /** Multiply-adds a millisecond. */
  #rate: number;
  readonly #targetMs: number;
  #inFlight: Promise<void>[] = [];
  #lastDone = 0;

  constructor(gpu: Gpu, { software, submissionMs = TARGET_MS, onDispatch, onSubmission }: SubmitterOptions) {
    this.#gpu = gpu;
    this.#rate = software ? FIRST_RATE.software : FIRST_RATE.hardware;
    this.#targetMs = submissionMs;
    this.#onDispatch = onDispatch;
    this.#onSubmission = onSubmission;
  }

  dispose(): void {
    this.#timer?.dispose();
    this.#timer = null;
  }

  /** Submits all dispatches in order; resolves when the last has been handed to the GPU, not when it is done. */
  async run(graph: string, dispatches: readonly Dispatch[]): Promise<void> {
    let batch: Dispatch[] = [];
    let work = 0;
    const flush = async () => {
      if (batch.length === 0) return;
      await this.#submit(
        graph,
        work,
        batch.map((dispatch) => ({ dispatch, groups: dispatch.kernel.groups })),
      );
      batch = [];
      work = 0;
    };
    for (const dispatch of dispatches) {
      const { kernel } = dispatch;
      if (this.#onDispatch) {
        await this.#profile(graph, dispatch);
        continue;
      }
      if (work + kernel.work > this.#rate * this.#targetMs) await flush();
      const parts = kernel.cut ? Math.ceil(kernel.work / (2 * this.#rate * this.#targetMs)) : 1;
      if (parts > 1) {
        await flush();
        await this.#submitParts(graph, dispatch);
      } else {
        batch.push(dispatch);
        work += kernel.work;
      }
    }
    await flush();
  }

  /** A long kernel, part by part. Its uniform changes between submissions, which a queue keeps in order. */
  async #submitParts(graph: string, dispatch: Dispatch): Promise<void> {
    const { kernel, params } = dispatch;
    const { axis, param } = kernel.cut!;
    const total = kernel.groups[axis];
    const setFirst = (first: number) =>
      this.#gpu.device.queue.writeBuffer(params.buffer, params.offset + 4 * param, new Uint32Array([first]));
    for (let first = 0; first < total;) {
      // The rate moves while the parts run: each is sized by the latest.
      const count = Math.max(1, Math.min(total - first, Math.floor((total * this.#rate * this.#targetMs) / kernel.work)));
      const groups: [number, number, number] = [...kernel.groups];
      groups[axis] = count;
      setFirst(first);
      await this.#submit(graph, (kernel.work * count) / total, [{ dispatch, groups }]);
      first += count;
    }
    setFirst(0);
  }

  async #submit(
    label: string,
    work: number,
    parts: readonly { readonly dispatch: Dispatch; readonly groups: readonly [number, number, number] }[],
  ): Promise<void> {
    const { device } = this.#gpu;
    const timed = device.features.has('timestamp-query') ? (this.#timer ??= new SubmissionTimer(device, MAX_IN_FLIGHT)).begin() : null;
    const encoder = device.createCommandEncoder({ label });
    const pass = encoder.beginComputePass({ label, ...(timed ? { timestampWrites: timed.timestampWrites } : {}) });
    for (const { dispatch, groups } of parts) {
      pass.setPipeline(dispatch.pipeline);
      pass.setBindGroup(0, dispatch.bindGroup);
      pass.dispatchWorkgroups(...groups);
    }
    pass.end();
    timed?.resolve(encoder);
    const submitted = performance.now();
    device.queue.submit([encoder.finish()]);
    const done = (timed ? timed.elapsedMs() : device.queue.onSubmittedWorkDone().then(() => null)).then(
      (gpuMs) => this.#measure(work, submitted, gpuMs),
      () => undefined, // a lost device: Gpu.check tells
    );
    this.#inFlight.push(done);
    if (this.#inFlight.length >= MAX_IN_FLIGHT) await this.#inFlight.shift();
    this.#gpu.check();
  }

  #measure(work: number, submitted: number, gpuMs: number | null): void {
    const now = performance.now();
    const ms = gpuMs ?? now - Math.max(submitted, this.#lastDone);
    this.#lastDone = now;
    this.#onSubmission?.({ ms, work, byTimestamps: gpuMs !== null });
    // Short ones measure the way to the GPU and back. Down at once, up by at most 4 times.
    if (ms > 0.2) this.#rate = Math.min(work / ms, 4 * this.#rate);
  }

  async #profile(graph: string, dispatch: Dispatch): Promise<void> {
    const { kernel } = dispatch;
    await this.#gpu.device.queue.onSubmittedWorkDone();
    const started = performance.now();
    await this.#submit(graph, kernel.work, [{ dispatch, groups: kernel.groups }]);
    await this.#gpu.device.queue.onSubmittedWorkDone();
    this.#onDispatch!({
      graph,
      shader: kernel.shader,
      label: `${kernel.groups.join('x')} ${kernel.params.slice(0, 3).join('x')}`,
      work: kernel.work,
      ms: performance.now() - started,
    });
  }
}
