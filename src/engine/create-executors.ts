import { createOrtExecutor, requestWebGpuDevice, type OwnedDevice } from '../backends/ort';
import { createWgslExecutor } from '../backends/wgsl/create-wgsl-executor';
import type { Executor, ExecutorPlan } from '../graph/executor';
import type { PipelineExecutors } from '../pipeline/types';
import type { ExecutorRequest } from './environment';
import { NETWORKS, type BackendName } from './types';

/**
 * One executor for each backend that a request names: networks on one backend share its heap, and all backends on WebGPU share one
 * device, which goes with the last of them. Throws `unsupported` where there is no adapter.
 */
export async function createExecutors(request: ExecutorRequest): Promise<PipelineExecutors> {
  const names = [...new Set(NETWORKS.map((network) => request.networks[network]))];
  const gpu = names.some((name) => name !== 'ort-wasm') ? await requestWebGpuDevice() : null;
  const made = new Map<BackendName, Executor>();
  try {
    for (const name of names) made.set(name, await createExecutor(name, request, gpu));
  } catch (error) {
    for (const executor of made.values()) await executor.dispose();
    gpu?.device.destroy();
    throw error;
  }
  const shared = gpu ? endWith(gpu.device, made) : made;
  const of = (network: (typeof NETWORKS)[number]): Executor => shared.get(request.networks[network])!;
  return { textEncoder: of('textEncoder'), transformer: of('transformer'), autoencoder: of('autoencoder') };
}

function createExecutor(name: BackendName, request: ExecutorRequest, gpu: OwnedDevice | null): Promise<Executor> | Executor {
  const { networks, choices, precision, threads, replay } = request;
  const network = NETWORKS.find((candidate) => networks[candidate] === name)!;
  if (name === 'wgsl') return createWgslExecutor({ ...gpu!, precision, choices: replay ? chosenIn(replay[network]) : choices });
  return createOrtExecutor({
    precision,
    ...(name === 'ort-wasm' ? { provider: 'wasm', threads } : { provider: 'webgpu', device: gpu!.device, adapter: gpu!.adapter }),
    ...(replay ? { choices: replay[network].variants } : {}),
  });
}

/** The same executors; disposing of the last one destroys the device. */
function endWith(device: GPUDevice, executors: ReadonlyMap<BackendName, Executor>): ReadonlyMap<BackendName, Executor> {
  const open = new Set(executors.keys());
  const entries = [...executors].map(([name, executor]): [BackendName, Executor] => [
    name,
    {
      ...executor,
      dispose: async () => {
        try {
          await executor.dispose();
        } finally {
          if (open.delete(name) && open.size === 0) device.destroy();
        }
      },
    },
  ]);
  return new Map(entries);
}

/** The configurations in a plan: its variants that are named for a class of kernels. */
function chosenIn({ variants }: ExecutorPlan): Record<string, string> {
  const isChoice = (entry: [string, string | number | boolean]): entry is [string, string] => typeof entry[1] === 'string';
  return Object.fromEntries(Object.entries(variants).filter(isChoice));
}
