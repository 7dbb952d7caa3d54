import type { Value } from '../../graph/types';
import type { Kernel } from './kernel';

/** Where every intermediate value lives: slots that are reused as soon as a value's last reader has run. */
export interface MemoryPlan {
  readonly slots: ReadonlyMap<Value, number>;
  /** Bytes of every slot. */
  readonly slotBytes: readonly number[];
}

/**
 * Assigns intermediates to slots by liveness: the smallest free slot that is large enough, else the largest free one, grown. Values in
 * `external` (inputs and outputs) have buffers of their own. Slots are separate buffers, since WebGPU forbids reading and writing one
 * buffer in a dispatch.
 */
export function planMemory(kernels: readonly Kernel[], sizeBytes: (value: Value) => number, external: ReadonlySet<Value>): MemoryPlan {
  const lastRead = new Map<Value, number>();
  kernels.forEach((kernel, index) => {
    for (const operand of Object.values(kernel.reads)) if ('value' in operand) lastRead.set(operand.value, index);
    if (kernel.state) lastRead.set(kernel.state.value, index);
    if (!lastRead.has(kernel.output.value)) lastRead.set(kernel.output.value, index);
  });
  const slots = new Map<Value, number>();
  const slotBytes: number[] = [];
  const free = new Set<number>();
  kernels.forEach((kernel, index) => {
    for (const { value } of kernel.state ? [kernel.output, kernel.state] : [kernel.output]) {
      if (external.has(value) || slots.has(value)) continue;
      const slot = chooseSlot(sizeBytes(value), slotBytes, free);
      free.delete(slot);
      slots.set(value, slot);
    }
    for (const [held, slot] of slots) if (lastRead.get(held) === index) free.add(slot);
    for (const [held] of [...slots]) if (lastRead.get(held) === index) lastRead.set(held, -1);
  });
  return { slots, slotBytes };
}

function chooseSlot(size: number, slotBytes: number[], free: ReadonlySet<number>): number {
  const candidates = [...free].sort((a, b) => slotBytes[a]! - slotBytes[b]!);
  const slot = candidates.find((candidate) => slotBytes[candidate]! >= size) ?? candidates.at(-1) ?? slotBytes.length;
  slotBytes[slot] = Math.max(size, slotBytes[slot] ?? 0);
  return slot;
}
