import { toKinoraError } from '../../../errors';
import { elementCount, evaluateShape, type Bindings } from '../../../graph/dims';
import type { Gpu } from '../gpu';
import { packParams, type Kernel, type Operand } from '../kernel';
import { operandBytes } from '../pack-weights';
import { SubmissionTimer } from '../submission-timer';

/** Multiply-adds of one timed dispatch at most, so that none is long: a millisecond of a fast GPU, a tenth of a second of a CPU. */
const LARGEST_WORK = { hardware: 2e9, software: 2e7 };
/** How long the repeats of one measurement take together, about; the GPU's clock tells tenths of milliseconds. */
const MEASURED_MS = 5;
const MOST_REPEATS = 50;
const MEASUREMENTS = 3;
/** What takes this many times as long as the best is not measured again. */
const HOPELESS = 2;

/** Runs kernels on scratch memory and times them. */
export class KernelTimer {
  readonly #gpu: Gpu;
  readonly #largestWork: number;
  readonly #timer: SubmissionTimer | null;
  #input: GPUBuffer | undefined;
  #output: GPUBuffer | undefined;
  #state: GPUBuffer | undefined;

  constructor(gpu: Gpu, software: boolean) {
    this.#gpu = gpu;
    this.#largestWork = software ? LARGEST_WORK.software : LARGEST_WORK.hardware;
    this.#timer = gpu.device.features.has('timestamp-query') ? new SubmissionTimer(gpu.device, 1) : null;
  }

  /**
   * Milliseconds that these kernels take, one after the other: the least of some measurements, of one where that is far above `best`, the least
   * of other configurations. Null where the GPU refuses one of them.
   */
  async time(kernels: readonly Kernel[], bindings: Bindings, best = Infinity): Promise<number | null> {
    const { device } = this.#gpu;
    const sizeOf = (operand: Operand) => operandBytes(operand, (value) => 4 * elementCount(evaluateShape(value.shape, bindings)));
    const inputBytes = Math.max(...kernels.flatMap(({ reads }) => Object.values(reads).map(sizeOf)));
    const input = (this.#input = this.#atLeast(this.#input, inputBytes));
    const output = (this.#output = this.#atLeast(this.#output, Math.max(...kernels.map(({ output }) => sizeOf(output)))));
    const stateBytes = Math.max(...kernels.map(({ state }) => (state ? sizeOf(state) : 0)));
    const state = stateBytes > 0 ? (this.#state = this.#atLeast(this.#state, stateBytes)) : undefined;
    const params: GPUBuffer[] = [];
    try {
      const dispatches: { pipeline: GPUComputePipeline; bindGroup: GPUBindGroup; groups: Kernel['groups'] }[] = [];
      const share = Math.min(1, this.#largestWork / kernels.reduce((sum, { work }) => sum + work, 0));
      for (const kernel of kernels) {
        const pipeline = await this.#gpu.pipeline(kernel.shader, kernel.defines);
        const words = packParams(kernel.params) as Uint8Array<ArrayBuffer>;
        const uniform = this.#gpu.buffer(words.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, 'tuning params');
        params.push(uniform);
        device.queue.writeBuffer(uniform, 0, words);
        const bindGroup = device.createBindGroup({
          layout: pipeline.getBindGroupLayout(0),
          entries: [
            { binding: 0, resource: { buffer: uniform } },
            ...Object.keys(kernel.reads).map((binding) => ({ binding: Number(binding), resource: { buffer: input } })),
            { binding: kernel.output.binding, resource: { buffer: output } },
            ...(kernel.state ? [{ binding: kernel.state.binding, resource: { buffer: state! } }] : []),
          ],
        });
        const groups: [number, number, number] = [...kernel.groups];
        if (kernel.cut) groups[kernel.cut.axis] = Math.ceil(groups[kernel.cut.axis] * share);
        dispatches.push({ pipeline, bindGroup, groups });
      }
      const scale = partsOf(kernels, dispatches);
      await this.#run(dispatches, 1); // the first use of a pipeline and of memory costs more
      const once = await this.#run(dispatches, 1);
      if (once * scale > HOPELESS * best) return once * scale;
      const repeats = Math.max(1, Math.min(MOST_REPEATS, Math.round(MEASURED_MS / Math.max(once, 1e-3))));
      let least = Infinity;
      for (let i = 0; i < MEASUREMENTS; i++) least = Math.min(least, (await this.#run(dispatches, repeats)) / repeats);
      return least * scale;
    } catch (error) {
      if (toKinoraError(error).code !== 'internal') throw error;
      return null;
    } finally {
      for (const buffer of params) this.#gpu.release(buffer);
    }
  }

  dispose(): void {
    this.#timer?.dispose();
    if (this.#input) this.#gpu.release(this.#input);
    if (this.#output) this.#gpu.release(this.#output);
    if (this.#state) this.#gpu.release(this.#state);
  }

  async #run(
    dispatches: readonly { pipeline: GPUComputePipeline; bindGroup: GPUBindGroup; groups: Kernel['groups'] }[],
    repeats: number,
  ): Promise<number> {
    const { device } = this.#gpu;
    const timed = this.#timer?.begin();
    const encoder = device.createCommandEncoder({ label: 'tuning' });
    const pass = encoder.beginComputePass({ label: 'tuning', ...(timed ? { timestampWrites: timed.timestampWrites } : {}) });
    for (let i = 0; i < repeats; i++)
      for (const { pipeline, bindGroup, groups } of dispatches) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(...groups);
      }
    pass.end();
    timed?.resolve(encoder);
    const started = performance.now();
    device.queue.submit([encoder.finish()]);
    const gpuMs = timed ? await timed.elapsedMs().catch(() => null) : await device.queue.onSubmittedWorkDone().then(() => null);
    this.#gpu.check();
    return gpuMs ?? performance.now() - started;
  }

  #atLeast(buffer: GPUBuffer | undefined, sizeBytes: number): GPUBuffer {
    if (buffer && buffer.size >= sizeBytes) return buffer;
    if (buffer) this.#gpu.release(buffer);
    return this.#gpu.buffer(sizeBytes, GPUBufferUsage.STORAGE, 'tuning scratch');
  }
}

/** By how much a kernel is longer than the part of it that is run. */
function partsOf(kernels: readonly Kernel[], dispatches: readonly { readonly groups: Kernel['groups'] }[]): number {
  const { cut, groups } = kernels.at(-1)!;
  return cut ? groups[cut.axis] / dispatches.at(-1)!.groups[cut.axis] : 1;
}
