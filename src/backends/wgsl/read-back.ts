import { KinoraError } from '../../errors';
import type { Gpu } from './gpu';
import type { GpuTensor } from './tensor';

/** Copies tensors out through one staging buffer: one wait for the GPU, whatever their number. */
export async function readBack(gpu: Gpu, tensors: readonly GpuTensor[]): Promise<(Float32Array | Int32Array)[]> {
  gpu.check();
  const sizeBytes = tensors.reduce((sum, tensor) => sum + tensor.sizeBytes, 0);
  if (sizeBytes === 0) return tensors.map(({ type }) => (type === 'i32' ? new Int32Array() : new Float32Array()));
  const staging = gpu.buffer(sizeBytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, 'read-back');
  try {
    const encoder = gpu.device.createCommandEncoder({ label: 'read-back' });
    let at = 0;
    for (const { buffer, sizeBytes: size } of tensors) {
      encoder.copyBufferToBuffer(buffer, 0, staging, at, size);
      at += size;
    }
    gpu.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ).catch((cause: unknown) => {
      gpu.check();
      throw new KinoraError('device-lost', 'The GPU did not give its result back.', 'Try again, or choose another backend.', { cause });
    });
    gpu.check();
    const mapped = staging.getMappedRange();
    at = 0;
    const read = tensors.map(({ type, sizeBytes: size }) => {
      const bytes = mapped.slice(at, at + size);
      at += size;
      return type === 'i32' ? new Int32Array(bytes) : new Float32Array(bytes);
    });
    staging.unmap();
    return read;
  } finally {
    gpu.release(staging);
  }
}
