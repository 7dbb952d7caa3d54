import { createWgslExecutor, type WgslExecutor, type WgslOptions } from '../../../src/backends/wgsl/create-wgsl-executor';

/** What kernels may make use of, where an adapter has it. */
const FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'subgroups'];

/**
 * An executor on whatever adapter `navigator.gpu` has, and its device: a new one, or the `device` given. `software` chooses the kernels of the
 * other kind of adapter, `without` leaves features out, `features` adds some.
 */
export async function testExecutor({
  without = [],
  features = [],
  ...options
}: Partial<WgslOptions> & { readonly without?: readonly string[]; readonly features?: readonly GPUFeatureName[] } = {}): Promise<{
  executor: WgslExecutor;
  device: GPUDevice;
  software: boolean;
}> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error('There is no WebGPU adapter.');
  const device =
    options.device ??
    (await adapter.requestDevice({
      requiredFeatures: [...FEATURES, ...features].filter((feature) => adapter.features.has(feature) && !without.includes(feature)),
    }));
  const software = options.software ?? adapter.info.isFallbackAdapter;
  return { executor: createWgslExecutor({ adapter: adapter.info.description, ...options, device, software }), device, software };
}

/** Lets all executors on a device share their pipelines, which software drivers take seconds to compile. A label names a kernel with all it is specialised by. */
export function sharePipelines(device: GPUDevice): void {
  const made = new Map<string, Promise<GPUComputePipeline>>();
  const create = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = (descriptor) => {
    const known = made.get(descriptor.label!) ?? create(descriptor);
    made.set(descriptor.label!, known);
    return known;
  };
}
