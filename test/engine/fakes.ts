/** An environment without browser, networks or files, whose every part can be made to wait or fail. */
import { readFileSync } from 'node:fs';
import { KinoraError } from '../../src/errors';
import type { Environment, KeptValues } from '../../src/engine/environment';
import type { DeviceFacts } from '../../src/engine/device';
import type { Executor, ExecutorPlan } from '../../src/graph/executor';
import type { DenoiseRequest, EncodedPrompt, Latents, Pipeline } from '../../src/pipeline/types';
import { parseManifest, type ModelManifest } from '../../src/weights/manifest';
import type { Locks } from '../../src/weights/store/lock';

/** The manifest of a small model; not the bundled one's, whose size and limits change with every training. */
export const MANIFEST: ModelManifest = parseManifest(JSON.parse(readFileSync(new URL('./manifest.json', import.meta.url), 'utf8')));

export const TWO_CORES: DeviceFacts = {
  crossOriginIsolated: true,
  processors: 2,
  webgpu: { available: false, adapter: null, software: false, reason: 'This browser has no WebGPU.' },
  tuningKey: null,
};

export class MemoryValues implements KeptValues {
  readonly values = new Map<string, unknown>();
  failure: Error | null = null;
  async get(key: string): Promise<unknown> {
    return structuredClone(this.values.get(key));
  }
  async set(key: string, value: unknown): Promise<void> {
    if (this.failure) throw this.failure;
    this.values.set(key, structuredClone(value));
  }
  async delete(key: string): Promise<void> {
    this.values.delete(key);
  }
}

/** Web Locks of one origin. */
export class FakeLocks {
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #held = new Set<string>();

  get locks(): Locks {
    return { request: ((...args: Parameters<FakeLocks['request']>) => this.request(...args)) as unknown as Locks['request'] };
  }

  async request<T>(
    name: string,
    options: { ifAvailable?: boolean; signal?: AbortSignal },
    work: (lock: unknown) => Promise<T>,
  ): Promise<T> {
    if (options.ifAvailable && this.#held.has(name)) return work(null);
    const before = this.#tails.get(name) ?? Promise.resolve();
    let release!: () => void;
    this.#tails.set(
      name,
      before.then(() => new Promise<void>((done) => (release = done))),
    );
    this.#held.add(name);
    await before;
    await Promise.resolve();
    try {
      if (options.signal?.aborted) throw options.signal.reason;
      return await work({ name });
    } finally {
      this.#held.delete(name);
      release();
    }
  }
}

/** A step of a fake run: waits, fails or does nothing. */
export type StepHook = (step: number, request: DenoiseRequest) => void | Promise<void>;

export interface FakeWorld extends Environment {
  /** What happened, in order. */
  readonly log: string[];
  facts: DeviceFacts;
  readonly kept: MemoryValues;
  onStep: StepHook;
  onEnsure: () => void | Promise<void>;
  onLoad: () => void;
  onEmbed: () => void;
  ortStored: boolean;
  planMemory: (spec: Parameters<Pipeline['planMemory']>[0]) => ReturnType<Pipeline['planMemory']>;
  /** What its executors say that they allocated at most. */
  peakBytes: number;
  onFrame: (index: number, codec: string) => void;
  /** Called when a clip begins to be decoded, with the side of its tiles. */
  onDecode: (tile: number | undefined) => void;
  /** Called when an executor is disposed of, which is done all the same. */
  onDispose: () => void;
  truncated: string | null;
  variants: Record<string, string>;
  codec: string;
  complete: boolean;
  /** Executors that were made and not disposed of. */
  openExecutors: number;
  openPrompts: number;
  openSinks: number;
  /** What `verify` finds. */
  damagedBytes: number;
}

export function fakeWorld(shared: { kept?: MemoryValues; locks?: FakeLocks } = {}): FakeWorld {
  const log: string[] = [];
  let clock = 0;
  const status = () => ({
    id: MANIFEST.id,
    name: MANIFEST.name,
    licence: MANIFEST.licence,
    sizeBytes: 100,
    storedBytes: world.complete ? 100 : 0,
    complete: world.complete,
  });
  const world: FakeWorld = {
    log,
    facts: TWO_CORES,
    kept: shared.kept ?? new MemoryValues(),
    onStep: () => undefined,
    onEnsure: () => undefined,
    onLoad: () => undefined,
    onEmbed: () => undefined,
    ortStored: true,
    planMemory: () => null,
    peakBytes: 0,
    onFrame: () => undefined,
    onDecode: () => undefined,
    onDispose: () => undefined,
    truncated: null,
    variants: { linear: 'f32' },
    codec: 'avc1.42E00C',
    complete: true,
    openExecutors: 0,
    openPrompts: 0,
    openSinks: 0,
    damagedBytes: 0,
    defaultModel: MANIFEST.id,
    models: {
      list: async () => [status()],
      describe: async (id) => {
        if (id !== MANIFEST.id) throw new KinoraError('invalid-spec', `There is no model “${id}”.`, 'Choose one of: storybook.');
        return { manifest: MANIFEST, vocabulary: null };
      },
      ensure: async (_id, { onProgress }) => {
        if (world.complete) return;
        log.push('download');
        await world.onEnsure();
        onProgress?.(0, 100);
        onProgress?.(100, 100);
        world.complete = true;
      },
      open: async () => {
        log.push('open');
        return { manifest: MANIFEST, weights: {} as never, tokenizer: {} };
      },
      verify: async (_id, { onProgress }) => {
        onProgress?.(100, 100);
        return world.damagedBytes;
      },
      remove: async () => {
        log.push('remove');
        world.complete = false;
        return 100;
      },
    },
    createPipeline: () => fakePipeline(world),
    detectDevice: async () => world.facts,
    isOrtWebGpuStored: async () => world.ortStored,
    notes: () => [],
    createExecutors: async ({ networks, precision, threads, replay }) => {
      const backend = networks.transformer;
      log.push(`executor ${backend} ${precision} ${threads}`);
      const executor = fakeExecutor(world, {
        backend,
        build: 'fake 1',
        precision,
        threads,
        adapter: backend === 'ort-wasm' ? null : world.facts.webgpu.adapter,
        variants: { ...world.variants, ...replay?.transformer.variants },
      });
      return { textEncoder: executor, transformer: executor, autoencoder: executor };
    },
    openVideo: ({ width, height, fps, scale, signal, without }) => {
      let frames = 0;
      const codec = without.includes('avc') ? 'vp09.00.10.08' : world.codec;
      world.openSinks++;
      let isOpen = true;
      return {
        triedCodecs: without.length === 0 ? ['avc'] : ['avc', 'vp9'],
        add: async () => {
          world.onFrame(frames++, codec);
          if (signal?.aborted) throw new KinoraError('aborted', 'Stopped.', 'Start again.');
        },
        finish: async () => {
          const blob = new Blob([new Uint8Array(frames)], { type: 'video/mp4' });
          const encoder = { codec, container: 'mp4' as const, hardwareAcceleration: 'no-preference' };
          return { ...encoder, blob, mimeType: blob.type, frames, sizeBytes: blob.size, width: width * scale, height: height * scale, fps };
        },
        close: () => {
          if (isOpen) world.openSinks--;
          isOpen = false;
        },
      };
    },
    videoSupport: async () => ({ codec: world.codec, container: 'mp4' }),
    storage: async () => null,
    locks: shared.locks?.locks,
    now: () => (clock += 5),
  };
  return world;
}

function fakeExecutor(world: FakeWorld, plan: ExecutorPlan): Executor {
  world.openExecutors++;
  return {
    plan,
    memory: { current: () => ({ liveBytes: 0, peakBytes: world.peakBytes }), restart: () => undefined },
    dispose: async () => {
      world.log.push('dispose');
      world.openExecutors--;
      world.onDispose();
    },
  } as Partial<Executor> as Executor;
}

function fakePipeline(world: FakeWorld): Pipeline {
  const { log } = world;
  let isLoaded = false;
  const latentShape: Pipeline['latentShape'] = ({ width, height, frames }) => [1, (frames - 1) / 4 + 1, height / 8, width / 8];
  const aborted = (signal?: AbortSignal) => {
    if (signal?.aborted) throw new KinoraError('aborted', 'Stopped.', 'Start again whenever you like.');
  };
  const decode: Pipeline['decode'] = async function* (latents, { tile } = {}) {
    world.onDecode(tile);
    const frames = (latents.shape[1] - 1) * 4 + 1;
    const [width, height] = [latents.shape[3] * 8, latents.shape[2] * 8];
    for (let index = 0; index < frames; index++) yield { width, height, rgba: new Uint8ClampedArray(width * height * 4).fill(index) };
  };
  return {
    load: async ({ onProgress } = {}) => {
      if (isLoaded) return;
      log.push('load');
      world.onLoad();
      onProgress?.(50, 100);
      isLoaded = true;
    },
    encodePrompt: async (text): Promise<EncodedPrompt> => {
      log.push(`prompt ${text}`);
      world.openPrompts++;
      const truncated = text === '' ? null : world.truncated;
      return { tokens: 4, truncated, context: new Float32Array(4), dispose: () => void world.openPrompts-- };
    },
    embed: async () => {
      world.onEmbed();
      return new Float32Array(3);
    },
    latentShape,
    // x ← x / 2 + seed: every step depends on the one before, so a resumed run can be compared.
    denoise: async (request): Promise<Latents> => {
      const { spec, start, signal, onStep } = request;
      const shape = latentShape(spec);
      let data = start ? start.latents.data.slice() : new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(1);
      for (let step = (start?.step ?? 0) + 1; step <= spec.steps; step++) {
        aborted(signal);
        await world.onStep(step, request);
        log.push(`step ${step}`);
        data = data.map((value) => value / 2 + spec.seed);
        const latents = { data: data.slice(), shape };
        const preview = { width: 1, height: 1, frames: [new Uint8ClampedArray(4)] };
        onStep?.({ step, steps: spec.steps, seconds: 0.5, preview, state: { step, latents, history: {} } });
      }
      aborted(signal);
      return { data, shape };
    },
    decode,
    decodeForVideo: decode,
    encodeFrames: async () => Promise.reject(new Error('not used')),
    decoderReach: 2,
    planMemory: (spec) => world.planMemory(spec),
    keepOnly: async (network) => void log.push(`keep only ${network}`),
    dispose: async () => void log.push('dispose pipeline'),
  };
}
