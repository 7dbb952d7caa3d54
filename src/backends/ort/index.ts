export { createOrtExecutor, type OrtExecutorOptions } from './executor';
export { probeWebGpu, type WebGpuProbe } from './webgpu-device';
