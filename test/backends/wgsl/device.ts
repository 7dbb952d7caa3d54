import { createWgslExecutor, type WgslExecutor, type WgslOptions } from '../../../src/backends/wgsl/create-wgsl-executor';

/** An executor on whatever adapter the browser has, and its device. `software` chooses the kernels of the other kind of adapter. */
export async function testExecutor(
  options: Partial<WgslOptions> = {},
): Promise<{ executor: WgslExecutor; device: GPUDevice; software: boolean }> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error('This browser has no WebGPU adapter.');
  const device = await adapter.requestDevice();
  const software = options.software ?? adapter.info.isFallbackAdapter;
  return { executor: createWgslExecutor({ device, adapter: adapter.info.description, ...options, software }), device, software };
}
