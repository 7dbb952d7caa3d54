import { createWgslExecutor, type WgslExecutor } from '../../../src/backends/wgsl/create-wgsl-executor';

/** An executor on whatever adapter the browser has, and its device. */
export async function testExecutor(): Promise<{ executor: WgslExecutor; device: GPUDevice }> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error('This browser has no WebGPU adapter.');
  const device = await adapter.requestDevice();
  return { executor: createWgslExecutor({ device, adapter: adapter.info.description, software: adapter.info.isFallbackAdapter }), device };
}
