import type * as Ort from 'onnxruntime-common';
import { KinoraError } from '../../errors';

/** `wasm` has no WebGPU and is the smallest; `jspi` suspends WebAssembly natively, `asyncify` where that is missing. */
export type RuntimeBuild = 'wasm' | 'jspi' | 'asyncify';

/** One loaded ONNX Runtime: a WebAssembly heap and its threads. There is one of each build for as long as the page or worker lives. */
export interface Runtime {
  readonly ort: OrtModule;
  readonly build: RuntimeBuild;
  /** Fixed when the runtime starts. */
  readonly threads: number;
  /**
   * Runs one task at a time. Two overlapping `run()`s on WebGPU hang for ever, and sessions of one runtime share the
   * WebAssembly stack that is suspended meanwhile.
   */
  exclusively<T>(task: () => Promise<T>): Promise<T>;
  /** Gives a runtime up that hangs; what waits for it is refused, and executors that are made later use another build. */
  abandon(): void;
  readonly isAbandoned: boolean;
}

export type OrtModule = Pick<typeof Ort, 'InferenceSession' | 'Tensor' | 'env'>;

interface Assets {
  readonly mjs: string;
  readonly wasm: string;
}

interface Loaded {
  readonly ort: OrtModule;
  /** Where the runtime's own files are; null where it finds them itself. */
  readonly assets: Assets | null;
}

const IN_NODE = typeof process !== 'undefined' && process.versions?.node !== undefined && typeof window === 'undefined';

/** Only what is asked for is fetched: each build is a chunk and two files of its own. */
const LOADERS: Readonly<Record<RuntimeBuild, () => Promise<Loaded>>> = {
  wasm: async () => {
    if (IN_NODE) {
      const name = 'onnxruntime-web'; // its Node build; not to be bundled for browsers, where this name is the old JSEP build
      return { ort: (await import(/* @vite-ignore */ name)) as OrtModule, assets: null };
    }
    const [ort, mjs, wasm] = await Promise.all([
      import('onnxruntime-web/wasm'),
      import('onnxruntime-web/ort-wasm-simd-threaded.mjs?url'),
      import('onnxruntime-web/ort-wasm-simd-threaded.wasm?url'),
    ]);
    return { ort, assets: { mjs: mjs.default, wasm: wasm.default } };
  },
  jspi: async () => {
    const [ort, mjs, wasm] = await Promise.all([
      import('onnxruntime-web/jspi'),
      import('onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url'),
      import('onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url'),
    ]);
    return { ort, assets: { mjs: mjs.default, wasm: wasm.default } };
  },
  asyncify: async () => {
    const [ort, mjs, wasm] = await Promise.all([
      import('onnxruntime-web/webgpu'),
      import('onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url'),
      import('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'),
    ]);
    return { ort, assets: { mjs: mjs.default, wasm: wasm.default } };
  },
};

const runtimes = new Map<RuntimeBuild, Promise<Runtime>>();

/**
 * The runtime of a build, started on first use. `threads` counts the calling thread; without it, one per core (at most
 * 8) where shared memory is allowed. Throws `unsupported` when it runs already with another number.
 */
export async function startRuntime(build: RuntimeBuild, threads?: number): Promise<Runtime> {
  const held = runtimes.get(build);
  const starting = held ?? load(build, threads ?? defaultThreads());
  if (!held) {
    runtimes.set(build, starting);
    starting.catch(() => runtimes.delete(build));
  }
  const runtime = await starting;
  if (threads !== undefined && runtime.threads !== usableThreads(threads))
    throw new KinoraError(
      'unsupported',
      `ONNX Runtime already runs with ${runtime.threads} thread(s) here and cannot change to ${threads}.`,
      'Reload the page, or use a new worker, to change the number of threads.',
    );
  return runtime;
}

/** The builds that were given up: a module that hangs can't be loaded a second time. */
const abandoned = new Set<RuntimeBuild>();

/** The build that runs WebGPU here. Throws `device-lost` when every one hangs since its device was lost. */
export function webGpuBuild(): RuntimeBuild {
  const builds: readonly RuntimeBuild[] = 'Suspending' in WebAssembly ? ['jspi', 'asyncify'] : ['asyncify'];
  const build = builds.find((candidate) => !abandoned.has(candidate));
  if (!build) throw stuck();
  return build;
}

/** Where the large file of a WebGPU build is. */
const WASM_FILES: Readonly<Record<Exclude<RuntimeBuild, 'wasm'>, () => Promise<{ default: string }>>> = {
  jspi: () => import('onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url'),
  asyncify: () => import('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'),
};

/** Whether the build that runs WebGPU (17 MB gzipped) is here already: running, or kept for offline use. */
export async function isWebGpuBuildStored(): Promise<boolean> {
  try {
    const build = webGpuBuild();
    if (runtimes.has(build)) return true;
    if (build === 'wasm' || !globalThis.caches) return false;
    const { default: file } = await WASM_FILES[build]();
    return (await caches.match(new URL(file, import.meta.url).href)) !== undefined;
  } catch {
    return false; // given up, or this browser keeps nothing: to be fetched, then
  }
}

function stuck(): KinoraError {
  return new KinoraError(
    'device-lost',
    'The graphics device went away, and the runtime that used it does not answer any more.',
    'Reload the page to use the graphics device again, or choose the CPU; finished steps are kept.',
  );
}

async function load(build: RuntimeBuild, threads: number): Promise<Runtime> {
  let loaded: Loaded;
  try {
    loaded = await LOADERS[build]();
  } catch (error) {
    throw new KinoraError('network', 'The runtime for the networks could not be loaded.', 'Check the connection and try again.', {
      cause: error,
    });
  }
  const { ort, assets } = loaded;
  const { wasm } = ort.env;
  wasm.numThreads = usableThreads(threads);
  wasm.proxy = false; // Kinora runs in a worker of its own already
  if (assets) wasm.wasmPaths = { mjs: new URL(assets.mjs, import.meta.url).href, wasm: new URL(assets.wasm, import.meta.url).href };
  ort.env.logLevel = 'error';
  const queue = createQueue();
  return {
    ort,
    build,
    threads: wasm.numThreads,
    exclusively: (task) => queue(() => (abandoned.has(build) ? Promise.reject(stuck()) : task())),
    abandon: () => {
      abandoned.add(build);
      runtimes.delete(build);
    },
    get isAbandoned() {
      return abandoned.has(build);
    },
  };
}

function usableThreads(threads: number): number {
  return threadsAllowed() ? threads : 1;
}

function defaultThreads(): number {
  return Math.min(8, IN_NODE ? process.getBuiltinModule('node:os').availableParallelism() : navigator.hardwareConcurrency);
}

/** Threads need shared memory, which browsers allow to cross-origin isolated pages only. */
function threadsAllowed(): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && (IN_NODE || globalThis.crossOriginIsolated);
}

function createQueue() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
}

const sessions = new Set<Ort.InferenceSession>();

/** Sessions that have not been released: for tests of leaks. */
export function openSessionCount(): number {
  return sessions.size;
}

export type SessionOptions = Omit<Ort.InferenceSession.SessionOptions, 'externalData'> & {
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[];
};

/** Makes a session, inside `exclusively`; the weights' bytes are copied, so that the caller can drop them. */
export async function createSession(runtime: Runtime, model: Uint8Array, options: SessionOptions): Promise<Ort.InferenceSession> {
  const session = await runtime.ort.InferenceSession.create(model, options as Ort.InferenceSession.SessionOptions);
  sessions.add(session);
  return session;
}

export function releaseSession(runtime: Runtime, session: Ort.InferenceSession): Promise<void> {
  if (runtime.isAbandoned) {
    sessions.delete(session); // releasing it would hang too
    return Promise.resolve();
  }
  return runtime.exclusively(async () => {
    if (sessions.delete(session)) await session.release();
  });
}
