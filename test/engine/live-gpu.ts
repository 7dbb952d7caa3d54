import { vi } from 'vitest';
import { SUBMISSION_TIME } from '../../src/backends/wgsl/submission-timer';

/** The GPU objects of this page that are alive: made and neither destroyed nor on a device that is gone. */
export interface LiveGpu {
  readonly devices: ReadonlySet<GPUDevice>;
  /** Buffers, textures and query sets. */
  readonly objects: ReadonlySet<GPUObjectBase>;
  /** Buffers mapped for reading so far (but for the times of submissions): each is a wait for the GPU and a copy of so many bytes. */
  readonly readBacks: readonly number[];
  /** Bytes of the live buffers now, and the most there were at once. */
  readonly bytes: number;
  readonly peakBytes: number;
  /** Called with every new device. */
  onDevice: (device: GPUDevice) => void;
  clearReadBacks(): void;
}

/** Counts from now on, whoever makes the objects; `vi.restoreAllMocks()` ends it. Install it before the first device is made. */
export function countGpuObjects(): LiveGpu {
  const devices = new Set<GPUDevice>();
  const objects = new Map<GPUObjectBase, GPUDevice>();
  let readBacks: number[] = [];
  const sizes = new Map<GPUObjectBase, number>();
  let peakBytes = 0;
  const bytes = () => [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const forget = (object: GPUObjectBase) => {
    objects.delete(object);
    sizes.delete(object);
  };
  const live: LiveGpu = {
    devices,
    get objects() {
      return new Set(objects.keys());
    },
    get readBacks() {
      return readBacks;
    },
    get bytes() {
      return bytes();
    },
    get peakBytes() {
      return peakBytes;
    },
    onDevice: () => undefined,
    clearReadBacks: () => (readBacks = []),
  };

  const { requestDevice } = GPUAdapter.prototype;
  vi.spyOn(GPUAdapter.prototype, 'requestDevice').mockImplementation(async function (this: GPUAdapter, descriptor) {
    const device = await requestDevice.call(this, descriptor);
    devices.add(device);
    void device.lost.then(() => {
      devices.delete(device);
      for (const [object, owner] of objects) if (owner === device) forget(object);
    });
    live.onDevice(device);
    return device;
  });
  for (const method of ['createBuffer', 'createTexture', 'createQuerySet'] as const) {
    const create = GPUDevice.prototype[method] as (this: GPUDevice, descriptor: never) => GPUBuffer;
    vi.spyOn(GPUDevice.prototype, method).mockImplementation(function (this: GPUDevice, descriptor: never) {
      const object = create.call(this, descriptor);
      objects.set(object, this);
      if (method === 'createBuffer') sizes.set(object, object.size);
      peakBytes = Math.max(peakBytes, bytes());
      return object as never;
    } as never);
  }
  for (const kind of [GPUBuffer, GPUTexture, GPUQuerySet]) {
    const { destroy } = kind.prototype as GPUBuffer;
    vi.spyOn(kind.prototype as GPUBuffer, 'destroy').mockImplementation(function (this: GPUBuffer) {
      forget(this);
      destroy.call(this);
    } as never);
  }
  const { mapAsync } = GPUBuffer.prototype;
  vi.spyOn(GPUBuffer.prototype, 'mapAsync').mockImplementation(function (this: GPUBuffer, mode, ...range) {
    if (this.label !== SUBMISSION_TIME) readBacks.push(this.size);
    return mapAsync.call(this, mode, ...range);
  });
  return live;
}
