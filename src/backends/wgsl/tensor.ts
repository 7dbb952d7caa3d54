import { KinoraError } from '../../errors';
import { elementCount } from '../../graph/dims';
import type { DeviceTensor } from '../../graph/executor';
import type { ElementType } from '../../graph/types';
import type { Gpu } from './gpu';

/** A tensor in a GPU buffer of its own, row-major, four bytes an element. */
export class GpuTensor implements DeviceTensor {
  readonly shape: readonly number[];
  readonly type: ElementType;
  readonly #gpu: Gpu;
  #buffer: GPUBuffer | undefined;

  constructor(gpu: Gpu, shape: readonly number[], type: ElementType) {
    this.#gpu = gpu;
    this.shape = [...shape];
    this.type = type;
    this.#buffer = gpu.buffer(
      4 * elementCount(shape),
      GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      `tensor [${shape.join(', ')}]`,
    );
  }

  get buffer(): GPUBuffer {
    if (!this.#buffer)
      throw new KinoraError(
        'internal',
        'A tensor was used after it had been disposed of.',
        'This is a defect in Kinora; please report it.',
      );
    return this.#buffer;
  }

  get sizeBytes(): number {
    return 4 * elementCount(this.shape);
  }

  dispose(): void {
    if (this.#buffer) this.#gpu.release(this.#buffer);
    this.#buffer = undefined;
  }
}
