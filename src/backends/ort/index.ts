export { createOrtExecutor } from './executor';
export { probeWebGpu, type WebGpuProbe } from './webgpu-device';
