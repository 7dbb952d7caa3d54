import type { ClipReport, ClipSpec, NewClip } from '../../src/library/clip-record';
import type { ClipStorage, StoredFile, ValueStore } from '../../src/library/storage';
import type { ClipRecord } from '../../src/library/clip-record';

export const SPEC: ClipSpec = {
  model: 'storybook',
  prompt: 'a fox runs through snow',
  negativePrompt: '',
  seed: 7,
  width: 64,
  height: 64,
  frames: 17,
  fps: 8,
  steps: 8,
  guidance: 4,
  sampler: 'euler',
  shift: 3,
};

export const REPORT: ClipReport = {
  latentsShape: [2, 1, 2, 2],
  clip: { width: 64, height: 64, frames: 17, fps: 8, mimeType: 'video/mp4' },
};

/** A file that begins as an MP4 does, different for every number. */
export function videoBytes(seed: number, length = 300): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length).map((_, at) => (at * 31 + seed * 17 + (at >> 3)) & 255);
  bytes.set([0, 0, 0, 24, 0x66, 0x74, 0x79, 0x70, seed & 255, seed >> 8]);
  return bytes;
}

export function madeUpClip(seed: number, changes: Partial<ClipSpec> = {}, rest: Partial<NewClip> = {}): NewClip {
  return {
    spec: { ...SPEC, seed, ...changes },
    report: REPORT,
    file: new Blob([videoBytes(seed)], { type: 'video/mp4' }),
    poster: new Blob([new Uint8Array([1, 2, seed & 255])], { type: 'image/jpeg' }),
    latents: new Float32Array(8).map((_, at) => at / 7 + seed),
    createdAt: 1_000_000 + seed,
    ...rest,
  };
}

/** Values in memory, cloned as IndexedDB clones them; `fail` may throw before a write. */
class MemoryValues<T> implements ValueStore<T> {
  readonly map = new Map<string, T>();
  reads = 0;
  fail: (() => void) | null = null;

  async get(key: string) {
    this.reads++;
    return structuredClone(this.map.get(key));
  }

  async getMany(keys: readonly string[]) {
    return keys.map((key) => structuredClone(this.map.get(key)));
  }

  async all() {
    return structuredClone([...this.map.values()]);
  }

  async keys() {
    return [...this.map.keys()];
  }

  async set(key: string, value: T) {
    this.fail?.();
    this.map.set(key, structuredClone(value));
  }

  async update(key: string, change: (before: T | undefined) => T) {
    this.map.set(key, structuredClone(change(structuredClone(this.map.get(key)))));
  }

  async delete(keys: readonly string[]) {
    for (const key of keys) this.map.delete(key);
  }
}

export type MemoryStorage = {
  [K in keyof ClipStorage<ClipRecord>]: MemoryValues<K extends 'records' ? ClipRecord : K extends 'latents' ? ArrayBuffer : StoredFile>;
};

export function memoryStorage(): MemoryStorage {
  return { records: new MemoryValues(), files: new MemoryValues(), posters: new MemoryValues(), latents: new MemoryValues() };
}

/** A `BroadcastChannel` between the stores of one test. */
export class FakeChannel {
  static group(count: number): FakeChannel[] {
    const members = Array.from({ length: count }, () => new FakeChannel());
    for (const member of members) member.#others = members.filter((other) => other !== member);
    return members;
  }

  #others: FakeChannel[] = [];
  #listeners: ((event: MessageEvent<unknown>) => void)[] = [];

  postMessage(ids: readonly string[]): void {
    for (const other of this.#others) for (const listener of other.#listeners) listener({ data: ids } as unknown as MessageEvent<unknown>);
  }

  addEventListener(_type: 'message', listener: (event: MessageEvent<unknown>) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {}
}
