import type * as Ort from 'onnxruntime-common';
import { KinoraError } from '../../errors';
import type { ElementType } from '../../graph/types';
import { deviceLost, runtimeError } from './errors';
import type { OrtModule } from './runtime';
import { OrtTensor, type HostData } from './tensors';

/** Where an executor's tensors live, and what can go wrong there. */
export interface Memory {
  /** ONNX Runtime's name for where outputs shall be left. */
  readonly outputLocation: 'cpu' | 'gpu-buffer';
  upload(data: HostData, shape: readonly number[]): OrtTensor;
  /** A tensor for a run to write to, or undefined where the runtime makes its own. */
  allocate(type: ElementType, shape: readonly number[]): OrtTensor | undefined;
  /** A copy of a tensor's elements. */
  download(tensor: OrtTensor): Promise<HostData>;
  /** Runs work that may run out of memory or lose the device, and turns that into the right error. */
  guard<T>(work: () => Promise<T>): Promise<T>;
  dispose(): void;
}

/** Ordinary memory: tensors are plain arrays, and nothing is copied but into and out of the WebAssembly heap. */
export function hostMemory(ort: OrtModule): Memory {
  return {
    outputLocation: 'cpu',
    upload: (data, shape) => new OrtTensor(makeTensor(ort, data.slice(), shape)),
    allocate: () => undefined,
    download: async (tensor) => (tensor.tensor.data as HostData).slice(),
    guard: async (work) => {
      try {
        return await work();
      } catch (error) {
        throw runtimeError(error);
      }
    },
    dispose: () => {},
  };
}

/** Calls fail a moment before the browser says that their device is lost; for so long the news may be on its way. */
const LOSS_NEWS_MS = 250;
/** A call that has not ended so long after its device was lost never will: what it waits for does not come any more. */
const STUCK_MS = 5_000;

export interface GpuMemoryOptions {
  /** The device ends with the memory. */
  readonly owned: boolean;
  /** Called when a call into the runtime hangs because its device was lost. */
  readonly onStuck: () => void;
  /** Default 5 s. */
  readonly stuckMs?: number;
}

/** Buffers of a GPU device: outputs stay there, so that they can be inputs again without leaving it. */
export function gpuMemory(ort: OrtModule, device: GPUDevice, { owned, onStuck, stuckMs = STUCK_MS }: GpuMemoryOptions): Memory {
  let lost = false;
  const isLost = () => lost;
  const loss = device.lost.then((info) => {
    lost = true;
    return deviceLost(info.message);
  });
  /** Whether a failure comes from the loss of the device. */
  const comesFromLoss = async (error: unknown): Promise<boolean> =>
    isLost() || (!(error instanceof KinoraError) && (await settlesWithin(loss, LOSS_NEWS_MS)));
  return {
    outputLocation: 'gpu-buffer',
    upload: (data, shape) => {
      const tensor = allocateBuffer(ort, device, data instanceof Int32Array ? 'i32' : 'f32', shape);
      device.queue.writeBuffer(tensor.tensor.gpuBuffer as GPUBuffer, 0, data.buffer, data.byteOffset, data.byteLength);
      return tensor;
    },
    // The runtime's own outputs would die with the session that made them, and crash it when they are released later.
    allocate: (type, shape) => allocateBuffer(ort, device, type, shape),
    download: (tensor) => readBuffer(device, tensor),
    guard: async (work) => {
      if (isLost()) throw await loss;
      device.pushErrorScope('out-of-memory');
      let scope: Promise<GPUError | null> | undefined;
      const running = work();
      try {
        const result = await Promise.race([running, loss.then((error) => Promise.reject(error))]);
        scope = device.popErrorScope();
        const error = await Promise.race([scope, loss.then(() => null)]);
        if (error)
          throw new KinoraError(
            'out-of-memory',
            'The graphics device has not enough memory for this.',
            'Choose fewer frames or a smaller size, or close other tabs.',
            { cause: error },
          );
        return result;
      } catch (error) {
        if (!scope) void device.popErrorScope().catch(() => null);
        if (!(await comesFromLoss(error))) throw runtimeError(error);
        if (!(await settlesWithin(running, stuckMs))) onStuck();
        throw error instanceof KinoraError && error.code === 'device-lost' ? error : deviceLost(error);
      }
    },
    dispose: () => {
      if (owned) device.destroy();
    },
  };
}

/** Whether a promise resolves or rejects in time. */
async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, ms, false)));
  const settled = promise.then(
    () => true,
    () => true,
  );
  return Promise.race([settled, late]).finally(() => clearTimeout(timer));
}

function allocateBuffer(ort: OrtModule, device: GPUDevice, type: ElementType, shape: readonly number[]): OrtTensor {
  const elements = shape.reduce((product, dim) => product * dim, 1);
  const size = Math.max(16, Math.ceil((elements * 4) / 16) * 16); // ONNX Runtime reads whole vec4s
  const buffer = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  const tensor = ort.Tensor.fromGpuBuffer(buffer as never, { dataType: type === 'i32' ? 'int32' : 'float32', dims: [...shape] });
  return new OrtTensor(tensor as Ort.Tensor, () => buffer.destroy());
}

function makeTensor(ort: OrtModule, data: HostData, shape: readonly number[]): Ort.Tensor {
  return data instanceof Int32Array ? new ort.Tensor('int32', data, shape) : new ort.Tensor('float32', data, shape);
}

async function readBuffer(device: GPUDevice, tensor: OrtTensor): Promise<HostData> {
  const { gpuBuffer, size } = tensor.tensor;
  const bytes = size * 4;
  if (bytes === 0) return tensor.type === 'i32' ? new Int32Array(0) : new Float32Array(0);
  const staging = device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  try {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(gpuBuffer as GPUBuffer, 0, staging, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const copy = staging.getMappedRange().slice(0);
    return tensor.type === 'i32' ? new Int32Array(copy) : new Float32Array(copy);
  } finally {
    staging.destroy();
  }
}
