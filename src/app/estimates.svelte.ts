import type { Report } from '../engine/types';
import type { SpecInput } from '../engine/spec';
import { readJson, writeJson, type KeyValueStore } from './stored-json';

const KEY = 'kinora.measured';
const MEMORY_KEY = 'kinora.memory';
/** Attention grows with the square of the clip: a measurement says little about clips of another order of size. */
const FARTHEST_RATIO = 2;

/** What one run on this device took. */
interface Measurement {
  readonly model: string;
  /** Pixels of the whole clip. */
  readonly volume: number;
  /** Seconds of one pass of the transformer; a guided step has two. */
  readonly passSeconds: number;
  /** Everything but downloading, loading and denoising. */
  readonly restSeconds: number;
}

/** What page and workers held while a clip was made. */
interface MemoryMeasurement {
  readonly model: string;
  readonly volume: number;
  readonly bytes: number;
}

/** Seconds and memory that a clip will take here, learned from the last one; says nothing before there was one. */
export class Estimates {
  #last = $state.raw<Measurement | null>(null);
  #memory = $state.raw<MemoryMeasurement | null>(null);
  readonly #store: KeyValueStore | null;

  constructor(store: KeyValueStore | null) {
    this.#store = store;
    const saved = readJson<Measurement>(store, KEY);
    if (saved && [saved.volume, saved.passSeconds, saved.restSeconds].every((value) => Number.isFinite(value) && value >= 0))
      this.#last = saved;
    const memory = readJson<MemoryMeasurement>(store, MEMORY_KEY);
    if (memory && [memory.volume, memory.bytes].every((value) => Number.isFinite(value) && value > 0)) this.#memory = memory;
  }

  learn({ spec, stepSeconds, seconds }: Pick<Report, 'spec' | 'stepSeconds' | 'seconds'>): void {
    if (stepSeconds.length === 0 || seconds.total === undefined) return;
    const sorted = [...stepSeconds].sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)]!;
    const rest = seconds.total - (seconds.download ?? 0) - (seconds.load ?? 0) - (seconds.denoise ?? 0);
    this.#last = {
      model: spec.model,
      volume: volumeOf(spec),
      passSeconds: median / passesOf(spec.guidance),
      restSeconds: Math.max(0, rest),
    };
    writeJson(this.#store, KEY, this.#last);
  }

  /** Keeps what a run held in memory, in bytes. */
  learnMemory({ spec }: Pick<Report, 'spec'>, bytes: number): void {
    this.#memory = { model: spec.model, volume: volumeOf(spec), bytes };
    writeJson(this.#store, MEMORY_KEY, this.#memory);
  }

  /** Bytes that a clip held here which was at least half and at most twice as large; null where there was none. */
  bytesFor(spec: Pick<SpecInput, 'model' | 'width' | 'height' | 'frames'>): number | null {
    const memory = this.#memory;
    if (!memory || spec.model !== memory.model || !spec.width || !spec.height || !spec.frames) return null;
    const ratio = volumeOf({ width: spec.width, height: spec.height, frames: spec.frames }) / memory.volume;
    return ratio <= FARTHEST_RATIO && ratio >= 1 / FARTHEST_RATIO ? memory.bytes : null;
  }

  /** Seconds from click to clip with the model loaded, or null where nothing like it was measured. */
  secondsFor(spec: Pick<SpecInput, 'model' | 'width' | 'height' | 'frames' | 'steps' | 'guidance'>): number | null {
    const last = this.#last;
    if (!last || spec.model !== last.model || !spec.width || !spec.height || !spec.frames || !spec.steps) return null;
    const ratio = volumeOf({ width: spec.width, height: spec.height, frames: spec.frames }) / last.volume;
    if (!(ratio <= FARTHEST_RATIO && ratio >= 1 / FARTHEST_RATIO)) return null;
    return ratio * (spec.steps * passesOf(spec.guidance ?? 1) * last.passSeconds + last.restSeconds);
  }
}

function volumeOf(spec: { readonly width: number; readonly height: number; readonly frames: number }): number {
  return spec.width * spec.height * spec.frames;
}

function passesOf(guidance: number): number {
  return guidance === 1 ? 1 : 2;
}
