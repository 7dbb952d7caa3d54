import { KinoraError } from '../../errors';
import { outOfMemory, overLimit } from './errors';
import { preprocess, type Defines } from './preprocess';
import { SHADERS, type ShaderName } from './shaders';

const DEFECT = 'This is a defect in Kinora; please report it.';

export interface SizeLimits {
  readonly bufferBytes?: number | undefined;
  readonly bindingBytes?: number | undefined;
}

/**
 * A GPUDevice with what all graphs on it share: compiled pipelines, live buffers (counted, so that a leak can be seen), and the
 * failures that WebGPU reports out of band, kept and thrown at the next call. The device stays its creator's to destroy.
 */
export class Gpu {
  readonly device: GPUDevice;
  /** The most bytes of one buffer, and of one binding of it. */
  readonly bufferBytes: number;
  readonly bindingBytes: number;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #buffers = new Set<GPUBuffer>();
  #liveBytes = 0;
  #peakBytes = 0;
  #failure: KinoraError | undefined;
  readonly #onError = (event: GPUUncapturedErrorEvent) => this.#fail(toError(event.error));

  /** `limits` are lower than the device's own: for tests, and for devices that promise more than they hold. */
  constructor(device: GPUDevice, limits: SizeLimits = {}) {
    this.device = device;
    this.bufferBytes = Math.min(device.limits.maxBufferSize, limits.bufferBytes ?? Infinity);
    const bindingBytes = Math.min(device.limits.maxStorageBufferBindingSize, this.bufferBytes, limits.bindingBytes ?? Infinity);
    this.bindingBytes = bindingBytes - (bindingBytes % 16); // buffers are whole vec4s
    device.addEventListener('uncapturederror', this.#onError);
    void device.lost.then((info) =>
      this.#fail(
        new KinoraError('device-lost', 'The GPU was reset.', 'Try again; if it happens again, choose a smaller clip or another backend.', {
          cause: info.message,
        }),
      ),
    );
  }

  /** Listens to the device no more, which may outlive this and others like it. */
  dispose(): void {
    this.device.removeEventListener('uncapturederror', this.#onError);
  }

  /** Buffers that have not been released. */
  get liveBuffers(): number {
    return this.#buffers.size;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** The most that was alive at once. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Counts the most that is alive from now on. */
  restartPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }

  /** The compute pipeline of a specialised kernel; compiled once, without blocking. */
  pipeline(shader: ShaderName, defines: Defines): Promise<GPUComputePipeline> {
    const key = `${shader}:${JSON.stringify(Object.entries(defines).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      const module = this.device.createShaderModule({ label: key, code: preprocess(SHADERS[shader], defines) });
      pipeline = this.device
        .createComputePipelineAsync({ label: key, layout: 'auto', compute: { module, entryPoint: 'main' } })
        .catch(async (cause: unknown) => {
          const { messages } = await module.getCompilationInfo();
          const where = messages.map(({ lineNum, message }) => `line ${lineNum}: ${message}`).join('; ');
          throw this.#failure ?? new KinoraError('internal', `The GPU refused the kernel ${shader}. ${where}`.trim(), DEFECT, { cause });
        });
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  /** A buffer of at least `sizeBytes`, rounded up to whole words. Throws `out-of-memory` when it is over the device's limits. */
  buffer(sizeBytes: number, usage: GPUBufferUsageFlags, label: string): GPUBuffer {
    this.checkSize(sizeBytes, label);
    const buffer = this.device.createBuffer({ label, size: Math.max(16, Math.ceil(sizeBytes / 16) * 16), usage });
    this.#buffers.add(buffer);
    this.#liveBytes += buffer.size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return buffer;
  }

  /** Several buffers or none: throws `out-of-memory` when the GPU has no room for all of them. */
  async buffers(requests: readonly { sizeBytes: number; usage: GPUBufferUsageFlags; label: string }[]): Promise<GPUBuffer[]> {
    for (const { sizeBytes, label } of requests) this.checkSize(sizeBytes, label);
    const peakBytes = this.#peakBytes;
    this.device.pushErrorScope('out-of-memory');
    const buffers = requests.map(({ sizeBytes, usage, label }) => this.buffer(sizeBytes, usage, label));
    const error = await this.device.popErrorScope().catch(() => null); // rejects on a lost device: check tells
    if (error) {
      for (const buffer of buffers) this.release(buffer);
      this.#peakBytes = peakBytes; // it never was
      throw toError(error);
    }
    return buffers;
  }

  /** Throws `out-of-memory` for what this device cannot hold in one buffer. */
  checkSize(sizeBytes: number, label: string): void {
    if (sizeBytes > this.bufferBytes) throw overLimit(label, sizeBytes, this.bufferBytes);
  }

  release(buffer: GPUBuffer): void {
    if (!this.#buffers.delete(buffer)) return;
    this.#liveBytes -= buffer.size;
    buffer.destroy();
  }

  /** Throws a failure that WebGPU reported since the last call. A lost device stays lost; the rest is told once. */
  check(): void {
    const failure = this.#failure;
    if (!failure) return;
    if (failure.code !== 'device-lost') this.#failure = undefined;
    throw failure;
  }

  #fail(error: KinoraError): void {
    if (!this.#failure || error.code === 'device-lost') this.#failure = error;
  }
}

function toError(error: GPUError): KinoraError {
  return error instanceof GPUOutOfMemoryError
    ? outOfMemory('The GPU ran out of memory.', error.message)
    : new KinoraError('internal', 'The GPU refused a command.', DEFECT, { cause: error.message });
}
