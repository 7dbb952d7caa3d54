import { isWebGpuBuildStored } from '../backends/ort';
import { findEncoder } from '../media/probe';
import { createVideoWriter } from '../media/video-writer';
import { createPipeline } from '../pipeline/create-pipeline';
import { IndexedDbBackend } from '../weights/store/indexeddb-backend';
import { MemoryBackend } from '../weights/store/memory-backend';
import { ModelStore } from '../weights/store/model-store';
import type { StorageBackend } from '../weights/store/storage-backend';
import { createExecutors } from './create-executors';
import { detectDevice } from './device';
import type { Environment } from './environment';
import { indexedDbValues } from './kept-values';
import { StoredModels } from './stored-models';
import type { Capabilities } from './types';
import type { EngineSettings } from './wire';

/** The models that are published beside the page. */
const CATALOGUE = ['storybook'] as const;

/** The size that the codec probe of `capabilities` asks for: the bundled model's own. */
const PROBE_SIZE = { width: 64, height: 64, fps: 8 };

/** The real environment: onnxruntime-web, IndexedDB, WebCodecs. Works in workers and pages. */
export function createBrowserEnvironment({ modelBase }: EngineSettings): Environment {
  const notes: string[] = [];
  const models = lazyModels(modelBase, notes);
  return {
    defaultModel: CATALOGUE[0],
    models: {
      list: async () => (await models()).list(),
      describe: async (id) => (await models()).describe(id),
      ensure: async (id, options) => (await models()).ensure(id, options),
      open: async (id) => (await models()).open(id),
      verify: async (id, options) => (await models()).verify(id, options),
      remove: async (id) => (await models()).remove(id),
    },
    createPipeline,
    detectDevice,
    notes: () => notes,
    createExecutors,
    isOrtWebGpuStored: isWebGpuBuildStored,
    openVideo: ({ signal, ...request }) => createVideoWriter({ ...request, includeSpec: true, ...(signal ? { signal } : {}) }),
    videoSupport,
    storage,
    kept: indexedDbValues(),
    locks: globalThis.navigator?.locks,
    now: () => performance.now(),
  };
}

/** Opens the store at its first use; where IndexedDB is refused, models live in memory until the page closes, and the report says so. */
function lazyModels(modelBase: string, notes: string[]): () => Promise<StoredModels> {
  let opened: Promise<StoredModels> | null = null;
  const open = async () => {
    let backend: StorageBackend = new IndexedDbBackend();
    try {
      await backend.records.keys();
    } catch {
      backend = new MemoryBackend();
      notes.push('This browser refuses to store anything here, so the model is downloaded again at every visit.');
    }
    return new StoredModels({
      store: new ModelStore({ backend }),
      modelBase,
      catalogue: CATALOGUE,
      fetch: (url, init) => fetch(url, init),
    });
  };
  return () => (opened ??= open());
}

async function videoSupport(): Promise<Capabilities['video']> {
  try {
    const { config, container } = await findEncoder(PROBE_SIZE);
    return { codec: config.codec, container };
  } catch {
    return null; // `no-encoder` with its reasons is thrown when a clip is made.
  }
}

async function storage(): Promise<Capabilities['storage']> {
  const manager = globalThis.navigator?.storage;
  if (!manager) return null;
  try {
    const [{ usage = 0, quota = 0 }, persisted] = await Promise.all([manager.estimate(), manager.persisted()]);
    return { usedBytes: usage, quotaBytes: quota, persisted };
  } catch {
    return null;
  }
}
