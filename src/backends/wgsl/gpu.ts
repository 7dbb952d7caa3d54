import { KinoraError } from '../../errors';
import { preprocess, type Defines } from './preprocess';
import { SHADERS, type ShaderName } from './shaders';

const DEFECT = 'This is a defect in Kinora; please report it.';

/**
 * A GPUDevice with what all graphs on it share: compiled pipelines, live buffers (counted, so that a leak can be seen), and the
 * failures that WebGPU reports out of band, kept and thrown at the next call. The device stays its creator's to destroy.
 */
export class Gpu {
  readonly device: GPUDevice;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #buffers = new Set<GPUBuffer>();
  #failure: KinoraError | undefined;

  constructor(device: GPUDevice) {
    this.device = device;
    device.addEventListener('uncapturederror', (event) => this.#fail(toError(event.error)));
    void device.lost.then((info) =>
      this.#fail(
        new KinoraError('device-lost', 'The GPU was reset.', 'Try again; if it happens again, choose a smaller clip or another backend.', {
          cause: info.message,
        }),
      ),
    );
  }

  /** Buffers that have not been released. */
  get liveBuffers(): number {
    return this.#buffers.size;
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
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    if (sizeBytes > Math.min(maxBufferSize, maxStorageBufferBindingSize))
      throw new KinoraError(
        'out-of-memory',
        `${label} needs ${sizeBytes} bytes in one piece; this GPU allows ${Math.min(maxBufferSize, maxStorageBufferBindingSize)}.`,
        'Choose a smaller or shorter clip, or another backend.',
      );
    const buffer = this.device.createBuffer({ label, size: Math.max(16, Math.ceil(sizeBytes / 16) * 16), usage });
    this.#buffers.add(buffer);
    return buffer;
  }

  release(buffer: GPUBuffer): void {
    if (this.#buffers.delete(buffer)) buffer.destroy();
  }

  /** Throws a failure that WebGPU reported since the last call. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  #fail(error: KinoraError): void {
    this.#failure ??= error;
  }
}

function toError(error: GPUError): KinoraError {
  return error instanceof GPUOutOfMemoryError
    ? new KinoraError('out-of-memory', 'The GPU ran out of memory.', 'Choose a smaller or shorter clip, or another backend.', {
        cause: error.message,
      })
    : new KinoraError('internal', 'The GPU refused a command.', DEFECT, { cause: error.message });
}
