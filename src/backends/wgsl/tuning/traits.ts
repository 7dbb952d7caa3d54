import type { Precision } from '../../../graph/executor';

/** What kernels are chosen by: the kind of device and the arithmetic that is wanted. */
export interface DeviceTraits {
  /** The adapter runs on the CPU: barriers are dear, registers cheap. */
  readonly software: boolean;
  /** f16 tiles with f32 sums: `fast` on hardware with `shader-f16`. */
  readonly f16: boolean;
  /** Linears may quantize their inputs to int8: `fast` on hardware, where WGSL has `dot4I8Packed`. */
  readonly int8: boolean;
  /** The narrowest subgroup of the device, 0 where it was made without `subgroups`. */
  readonly subgroups: number;
}

/** A device's traits. It must have been made with the features `shader-f16` and `subgroups` for them to be used. */
export function deviceTraits(device: GPUDevice, { software, precision }: { software: boolean; precision: Precision }): DeviceTraits {
  const fast = precision === 'fast' && !software;
  return {
    software,
    f16: fast && device.features.has('shader-f16'),
    int8: fast && navigator.gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product'),
    subgroups: device.features.has('subgroups') ? (device.adapterInfo.subgroupMinSize ?? 0) : 0,
  };
}
