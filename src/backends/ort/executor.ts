import { throwIfAborted } from '../../errors';
import type { CompiledGraph, DeviceTensor, Executor, Precision } from '../../graph/executor';
import { fusedAttentionWorks } from './attention-check';
import { compileGraph, type Backend } from './compile';
import { internalError } from './errors';
import { chooseLowering, type Choices, type Provider, type Variants } from './lowering/choices';
import { gpuMemory, hostMemory, type Memory } from './memory';
import { startRuntime, webGpuBuild, type Runtime } from './runtime';
import { asOrtTensor, checkUpload, combineOnHost, selectFramesOnHost } from './tensors';
import { requestWebGpuDevice } from './webgpu-device';

export interface OrtExecutorOptions {
  readonly provider: Provider;
  readonly precision: Precision;
  /** Threads of the WebAssembly runtime, this one included; by default one per core, at most 8. */
  readonly threads?: number;
  /** A device to use instead of a new one; it stays the caller's. For `webgpu`. */
  readonly device?: GPUDevice;
  /** The device's adapter in words, for the plan. */
  readonly adapter?: string;
  /** A plan's `variants`, to lower graphs as they were then. */
  readonly choices?: Variants;
  readonly signal?: AbortSignal;
}

/**
 * An executor on onnxruntime-web. Runs, compilations and releases of all executors on one build of the runtime take
 * turns. Throws `unsupported` where the provider is missing, `network` where the runtime's files do not arrive.
 */
export async function createOrtExecutor(options: OrtExecutorOptions): Promise<Executor> {
  const { provider, precision, signal } = options;
  throwIfAborted(signal);
  const onGpu = provider === 'webgpu';
  const runtime = await startRuntime(onGpu ? webGpuBuild() : 'wasm', onGpu ? 1 : options.threads);
  throwIfAborted(signal);
  const made = onGpu && !options.device ? await requestWebGpuDevice() : undefined;
  const device = options.device ?? made?.device;
  const memory = device ? gpuMemory(runtime.ort, device, { owned: made !== undefined, onStuck: runtime.abandon }) : hostMemory(runtime.ort);
  try {
    const backend = await chooseBackend(runtime, memory, device, chooseLowering(provider, precision, options.choices));
    throwIfAborted(signal);
    return makeExecutor(backend, made?.adapter ?? (device ? (options.adapter ?? 'a device of the caller') : null));
  } catch (error) {
    memory.dispose();
    throw error;
  }
}

async function chooseBackend(runtime: Runtime, memory: Memory, device: GPUDevice | undefined, choices: Choices): Promise<Backend> {
  const sessionOptions = {
    executionProviders: device ? [{ name: 'webgpu' as const, device: device as never }] : ['wasm'],
    graphOptimizationLevel: 'all' as const,
    logSeverityLevel: 3 as const,
    preferredOutputLocation: memory.outputLocation,
  };
  const backend = { runtime, memory, choices, sessionOptions };
  if (!device || choices.attention === 'plain' || (await fusedAttentionWorks(backend))) return backend;
  return { ...backend, choices: { ...choices, attention: 'plain' } };
}

function makeExecutor(backend: Backend, adapter: string | null): Executor {
  const { runtime, memory, choices } = backend;
  const compiled = new Set<CompiledGraph>();
  let disposed = false;
  const { provider, precision, ...variants } = choices;
  const download = (tensor: DeviceTensor) => runtime.exclusively(() => memory.guard(() => memory.download(asOrtTensor(tensor))));
  return {
    plan: {
      backend: `ort-${provider}`,
      build: `onnxruntime-web ${runtime.ort.env.versions.web ?? runtime.ort.env.versions.common} ${runtime.build}`,
      precision,
      threads: runtime.threads,
      adapter,
      variants,
    },
    compile: async (graph, weights, options = {}) => {
      if (disposed) throw internalError('A graph was compiled after its executor had been disposed of.');
      const made = await compileGraph(backend, graph, weights, options);
      compiled.add(made);
      return {
        ...made,
        dispose: async () => {
          compiled.delete(made);
          await made.dispose();
        },
      };
    },
    upload: (data, shape) => {
      checkUpload(data, shape);
      return memory.upload(data, shape);
    },
    download,
    combine: async (terms) => {
      const data = await Promise.all(terms.map(({ tensor }) => download(tensor)));
      return memory.upload(combineOnHost(terms, data), terms[0]!.tensor.shape);
    },
    selectFrames: async (free, known, mask) => {
      const [a, b] = await Promise.all([free, known].map(download));
      return memory.upload(selectFramesOnHost(free.shape, a!, b!, mask), free.shape);
    },
    dispose: async () => {
      if (disposed) return;
      disposed = true;
      for (const graph of compiled) await graph.dispose();
      compiled.clear();
      memory.dispose();
    },
  };
}
