import { bindInputs, type InputShape } from './bindings';
import { planLastUses } from './chain';
import { elementCount, evaluateShape } from './dims';
import type { Executor } from './executor';
import type { Graph } from './types';

/** GPU memory of a chain of graphs, in bytes. */
export interface ChainMemory {
  /** Weights and uniforms that are there while it runs: of all segments, or of the largest where each is loaded as it runs. */
  readonly heldBytes: number;
  /** Intermediates, shared by segments that take turns: largest first. */
  readonly slotBytes: readonly number[];
  /** The most of weights, uniforms, intermediates and tensors in the making at once; inputs that are given not counted. */
  readonly peakBytes: number;
  /** As `peakBytes`, of tensors alone. */
  readonly tensorBytes: number;
  /** What it gives: shapes by name. */
  readonly outputs: Readonly<Record<string, InputShape>>;
}

/**
 * Plans a chain (`compileChain`) on inputs of these shapes; null on an executor that does not allocate GPU memory itself. Nothing is allocated.
 * Throws `out-of-memory` when a piece is over the device's limits.
 */
export function planChain(
  executor: Executor,
  graphs: readonly Graph[],
  inputs: Readonly<Record<string, InputShape>>,
  { resident = true }: { readonly resident?: boolean | undefined } = {},
): ChainMemory | null {
  if (!executor.estimateMemory) return null;
  const lastUses = planLastUses(graphs);
  const owned = new Map<string, InputShape>();
  const segments: { held: number; slots: readonly number[]; tensors: number }[] = [];
  for (const [index, graph] of graphs.entries()) {
    const taken = Object.fromEntries(graph.inputs.map(({ name }) => [name, owned.get(name) ?? inputs[name]!]));
    const estimate = executor.estimateMemory(graph, taken);
    const before = tensorBytes(owned.values());
    segments.push({
      held: estimate.weightBytes + estimate.paramBytes,
      slots: estimate.slotBytes,
      tensors: before + estimate.outputBytes,
    });
    for (const name of [...owned.keys()]) if (lastUses.has(`${name}@${index}`)) owned.delete(name);
    const bindings = bindInputs(graph, taken);
    for (const { name, value } of graph.outputs) owned.set(name, { shape: evaluateShape(value.shape, bindings), type: value.type });
  }
  const largest = (sizes: readonly number[]) => Math.max(0, ...sizes);
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
  const held = segments.map((segment) => segment.held);
  const slotBytes = shareSlots(segments.map(({ slots }) => slots));
  const mostTensors = largest(segments.map(({ tensors }) => tensors));
  return {
    heldBytes: resident ? sum(held) : largest(held),
    slotBytes,
    peakBytes: resident
      ? sum(held) + sum(slotBytes) + mostTensors
      : largest(segments.map(({ held: own, slots, tensors }) => own + sum(slots) + tensors)),
    tensorBytes: mostTensors,
    outputs: Object.fromEntries(owned),
  };
}

/** Bytes of tensors; all elements are four bytes wide. */
export function tensorBytes(tensors: Iterable<Pick<InputShape, 'shape'>>): number {
  let bytes = 0;
  for (const { shape } of tensors) bytes += 4 * elementCount(shape);
  return bytes;
}

/** A plan with more tensors alive all the while. */
export function withTensors(plan: ChainMemory, bytes: number): ChainMemory {
  return { ...plan, peakBytes: plan.peakBytes + bytes, tensorBytes: plan.tensorBytes + bytes };
}

/** Memory that serves several sets of slots in turn: at every rank the largest. Sets are sorted, largest first. */
export function shareSlots(sets: Iterable<readonly number[]>): readonly number[] {
  const shared: number[] = [];
  for (const set of sets) set.forEach((size, rank) => (shared[rank] = Math.max(size, shared[rank] ?? 0)));
  return shared;
}
