export { createOrtExecutor } from './executor';
export { probeWebGpu, requestWebGpuDevice, type OwnedDevice, type WebGpuProbe } from './webgpu-device';
export { isWebGpuBuildStored } from './runtime';
