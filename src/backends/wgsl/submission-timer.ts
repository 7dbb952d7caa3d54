/** One submission's time, in the making. */
export interface TimedSubmission {
  /** For the pass that is timed. */
  readonly timestampWrites: GPUComputePassTimestampWrites;
  /** Encodes, after the pass, what brings the two times to where they can be read. */
  resolve(encoder: GPUCommandEncoder): void;
  /** Resolves when the submission is done, to the milliseconds it took on the GPU; null where the GPU's clock gave nothing that can be used. */
  elapsedMs(): Promise<number | null>;
}

/** Two times of 8 bytes, at an offset that `resolveQuerySet` takes. */
const BYTES = 16;
const STRIDE = 256;

/** Times submissions with timestamp queries: what they take on the GPU, without the way there and the waiting behind others. */
export class SubmissionTimer {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #read: readonly GPUBuffer[];
  #next = 0;

  /** `slots` submissions may be under way at once. The device must have `timestamp-query`. */
  constructor(device: GPUDevice, slots: number) {
    this.#queries = device.createQuerySet({ label: 'submission times', type: 'timestamp', count: 2 * slots });
    this.#resolved = device.createBuffer({
      label: 'submission times',
      size: STRIDE * slots,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#read = Array.from({ length: slots }, () =>
      device.createBuffer({ label: SUBMISSION_TIME, size: BYTES, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }),
    );
  }

  /** A submission to be timed; the one that had its slot before must be done. */
  begin(): TimedSubmission {
    const slot = this.#next;
    this.#next = (slot + 1) % this.#read.length;
    const read = this.#read[slot]!;
    return {
      timestampWrites: { querySet: this.#queries, beginningOfPassWriteIndex: 2 * slot, endOfPassWriteIndex: 2 * slot + 1 },
      resolve: (encoder) => {
        encoder.resolveQuerySet(this.#queries, 2 * slot, 2, this.#resolved, STRIDE * slot);
        encoder.copyBufferToBuffer(this.#resolved, STRIDE * slot, read, 0, BYTES);
      },
      elapsedMs: async () => {
        await read.mapAsync(GPUMapMode.READ);
        const [begin = 0n, end = 0n] = new BigUint64Array(read.getMappedRange());
        const ns = end - begin; // wraps or is 0 where the clock was reset or is coarse
        read.unmap();
        return ns > 0n && ns < 10n ** 12n ? Number(ns) / 1e6 : null;
      },
    };
  }

  dispose(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
    for (const buffer of this.#read) buffer.destroy();
  }
}

/** The label of the buffers that times are read through: 16 bytes a submission, no data of the networks. */
export const SUBMISSION_TIME = 'submission time';
