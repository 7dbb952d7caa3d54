import { shareSlots } from '../../graph/chain-memory';
import type { Gpu } from './gpu';

/** Largest first. */
export function sortedBytes(slotBytes: readonly number[]): number[] {
  return [...slotBytes].sort((a, b) => b - a);
}

/** What serves several plans that run one after the other. */
export function arenaBytes(plans: Iterable<readonly number[]>): readonly number[] {
  return shareSlots(Array.from(plans, sortedBytes));
}

/**
 * Memory for the intermediates of all graphs of an executor. Runs take turns and the GPU keeps their order, so graphs share it: thirty blocks of a
 * transformer need no more than one. It holds what the plans that exist need, and shrinks when they go.
 */
export class Arena {
  readonly #gpu: Gpu;
  /** By rank; undefined where the next run makes one. */
  readonly #buffers: (GPUBuffer | undefined)[] = [];
  readonly #plans = new Set<readonly number[]>();

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** A buffer for every slot of a plan, to be used before the next call. Throws `out-of-memory`, and then forgets the plan. */
  async reserve(slotBytes: readonly number[]): Promise<readonly GPUBuffer[]> {
    this.#plans.add(slotBytes);
    const needed = arenaBytes(this.#plans);
    const missing = needed.map((_, rank) => rank).filter((rank) => (this.#buffers[rank]?.size ?? 0) < needed[rank]!);
    if (missing.length > 0)
      await this.#make(missing, needed).catch((error: unknown) => {
        this.release(slotBytes);
        throw error;
      });
    const bySize = slotBytes.map((_, slot) => slot).sort((a, b) => slotBytes[b]! - slotBytes[a]!);
    const result: GPUBuffer[] = [];
    bySize.forEach((slot, rank) => (result[slot] = this.#buffers[rank]!));
    return result;
  }

  /** A plan has gone: what it alone needed goes with it. */
  release(slotBytes: readonly number[]): void {
    this.#plans.delete(slotBytes);
    const needed = arenaBytes(this.#plans);
    this.#buffers.forEach((buffer, rank) => {
      if (buffer && buffer.size >= (needed[rank] ?? 0) + 16) this.#release(rank); // buffers are whole vec4s
    });
  }

  async #make(ranks: readonly number[], needed: readonly number[]): Promise<void> {
    for (const rank of ranks) this.#release(rank); // before larger ones take their places
    const requests = ranks.map((rank) => ({ sizeBytes: needed[rank]!, usage: GPUBufferUsage.STORAGE, label: `slot ${rank}` }));
    const made = await this.#gpu.buffers(requests);
    ranks.forEach((rank, index) => (this.#buffers[rank] = made[index]!));
  }

  #release(rank: number): void {
    const buffer = this.#buffers[rank];
    if (buffer) this.#gpu.release(buffer);
    this.#buffers[rank] = undefined;
  }
}
