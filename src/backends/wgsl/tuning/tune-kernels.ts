import { throwIfAborted } from '../../../errors';
import type { Bindings } from '../../../graph/dims';
import type { KernelTiming, TuneOptions } from '../../../graph/executor';
import type { Graph } from '../../../graph/types';
import type { Gpu } from '../gpu';
import type { Kernel } from '../kernel';
import { lowerGraph } from '../lowering';
import type { LoweringTarget } from '../lowering/context';
import { KernelTimer } from './kernel-timer';

/** A graph at sizes that it has been run at. */
export interface SeenGraph {
  readonly graph: Graph;
  readonly bindings: Bindings;
}

/** A configuration must be faster than the default by this much to take its place: less is noise. */
const LEAST_GAIN = 0.03;
/** After this long no further kernel is begun: those that are left keep their defaults. */
const BUDGET_MS = 30_000;

interface Task extends SeenGraph {
  readonly kernel: Kernel;
}

/**
 * Times the configurations of every kernel class that these graphs use, each on its largest kernel, and picks the fastest. Buffers hold
 * zeros: time does not depend on what is multiplied. Nothing but the device is shared with graphs, so run it between jobs.
 */
export async function tuneKernels(
  gpu: Gpu,
  target: LoweringTarget,
  seen: Iterable<SeenGraph>,
  { signal, onProgress, budgetMs = BUDGET_MS }: TuneOptions,
): Promise<KernelTiming[]> {
  const tasks = largestOfClass(seen, target);
  const started = performance.now();
  const timer = new KernelTimer(gpu, target.traits.software);
  const results: KernelTiming[] = [];
  try {
    for (const [index, task] of tasks.entries()) {
      throwIfAborted(signal);
      if (performance.now() - started > budgetMs) break;
      results.push(await tuneKernel(timer, target, task, signal));
      onProgress?.(index + 1, tasks.length);
    }
  } finally {
    timer.dispose();
  }
  return results;
}

function largestOfClass(seen: Iterable<SeenGraph>, target: LoweringTarget): Task[] {
  const largest = new Map<string, Task>();
  for (const { graph, bindings } of seen)
    for (const kernel of lowerGraph(graph, bindings, target)) {
      const { tuning, work } = kernel;
      if (!tuning || tuning.alternatives.length < 2) continue;
      const known = largest.get(tuning.key);
      if (!known || known.kernel.work < work) largest.set(tuning.key, { graph, bindings, kernel });
    }
  return [...largest.values()];
}

async function tuneKernel(timer: KernelTimer, target: LoweringTarget, { graph, bindings, kernel }: Task, signal: AbortSignal | undefined) {
  const { key, alternatives } = kernel.tuning!;
  const timings: { configuration: string; ms: number }[] = [];
  const refused: string[] = [];
  for (const configuration of alternatives) {
    throwIfAborted(signal);
    const kernels = lowerGraph(graph, bindings, { ...target, choices: { ...target.choices, [key]: configuration } });
    const at = kernels.findIndex(({ output, tuning }) => output.value.id === kernel.output.value.id && tuning?.key === key);
    const found = kernels[at]!;
    // What it needs made for it alone, its inputs in int8, counts.
    const inputs = Object.values(found.reads).flatMap((operand) => ('value' in operand ? [operand.value] : []));
    const before = kernels[at - 1];
    const group = before?.shader === 'quantize' && inputs.includes(before.output.value) ? [before, found] : [found];
    const ms = await timer.time(group, bindings, Math.min(...timings.map((timing) => timing.ms)));
    if (ms === null) refused.push(configuration);
    else timings.push({ configuration, ms });
  }
  const byDefault = timings.find(({ configuration }) => configuration === alternatives[0]);
  const fastest = timings.length > 0 ? timings.reduce((best, timing) => (timing.ms < best.ms ? timing : best)) : undefined;
  const gains = fastest && (!byDefault || fastest.ms < byDefault.ms * (1 - LEAST_GAIN));
  return {
    key,
    sizes: kernel.params.filter((param) => typeof param === 'number').slice(0, 3),
    byDefault: alternatives[0]!,
    chosen: gains ? fastest.configuration : alternatives[0]!,
    timings,
    refused,
  };
}
