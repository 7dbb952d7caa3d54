import { KinoraError } from '../errors';
import type { ExecutorPlan, Precision } from '../graph/executor';
import type { PipelineExecutors } from '../pipeline/types';
import type { DeviceFacts } from './device';
import type { BackendChoice, ExecutionPlan, RunOptions } from './types';

/** What runs where nothing else is asked for. */
const DEFAULT_PRECISION: Precision = 'exact';

/** More threads than this were not faster on the networks here, and each costs memory. */
const MAX_THREADS = 8;

export interface BackendDecision {
  readonly requested: ExecutionPlan['requested'];
  readonly backend: 'ort-webgpu' | 'ort-wasm';
  readonly precision: Precision;
  readonly threads: number;
  /** One sentence for the user. */
  readonly reason: string;
  /** For the report: what was not as it could have been. */
  readonly notes: readonly string[];
  readonly replay?: ExecutionPlan;
}

/**
 * Decides how to run. `auto` takes WebGPU only on a hardware adapter: a software one is far slower than wasm. An explicit
 * `ort-webgpu` is honoured on any adapter. A plan decides everything. Throws `unsupported` for what can't be met here.
 */
export function chooseBackend(options: RunOptions, facts: DeviceFacts): BackendDecision {
  if (options.plan) return replayPlan(options.plan, facts);
  const requested = { backend: options.backend ?? 'auto', precision: options.precision ?? DEFAULT_PRECISION };
  checkChoice('backend', requested.backend, ['auto', 'ort-webgpu', 'ort-wasm']);
  checkChoice('precision', requested.precision, ['exact', 'fast']);
  const { backend, reason, notes } = pickBackend(requested.backend, facts);
  // On WebGPU the CPU only feeds the device.
  const threads = backend === 'ort-webgpu' ? 1 : pickThreads(options.threads, facts);
  return {
    requested,
    backend,
    precision: requested.precision,
    threads,
    reason,
    notes: backend === 'ort-wasm' ? [...notes, ...threadNotes(facts)] : notes,
  };
}

/** Throws `unsupported` unless the executors do the arithmetic of the plan that is to be run again. */
export function checkReplay(plan: ExecutionPlan, executors: PipelineExecutors): void {
  for (const role of ['textEncoder', 'transformer', 'autoencoder'] as const) {
    const difference = planDifference(plan[role], executors[role].plan);
    if (difference)
      throw new KinoraError(
        'unsupported',
        `The plan can't be run again here: ${difference}.`,
        'Leave the plan out to make the clip with the arithmetic that this device has; its details may differ.',
      );
  }
}

function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value))
    throw new KinoraError(
      'invalid-spec',
      `The ${name} must be one of ${choices.join(', ')}, not “${String(value).slice(0, 60)}”.`,
      'Leave it out to have it chosen.',
    );
}

function pickBackend(choice: BackendChoice, { webgpu }: DeviceFacts): Pick<BackendDecision, 'backend' | 'reason' | 'notes'> {
  if (choice === 'ort-wasm') return { backend: 'ort-wasm', reason: 'The CPU was asked for.', notes: [] };
  if (choice === 'ort-webgpu') {
    if (!webgpu.available)
      throw new KinoraError(
        'unsupported',
        `WebGPU was asked for, but is not to be had: ${lowerFirst(webgpu.reason)}`,
        'Choose the backend “auto” or “ort-wasm”: both run on the CPU here.',
      );
    return {
      backend: 'ort-webgpu',
      reason: `WebGPU was asked for; it runs on ${webgpu.adapter}.`,
      notes: webgpu.software ? [`${webgpu.reason} The CPU backend (ort-wasm) is many times faster here.`] : [],
    };
  }
  if (webgpu.available && !webgpu.software) return { backend: 'ort-webgpu', reason: webgpu.reason, notes: [] };
  return { backend: 'ort-wasm', reason: `${webgpu.reason} The CPU is used.`, notes: [] };
}

function pickThreads(asked: number | undefined, facts: DeviceFacts): number {
  if (asked !== undefined && (!Number.isInteger(asked) || asked < 1 || asked > 64))
    throw new KinoraError(
      'invalid-spec',
      `The number of threads must be a whole number from 1 to 64, not ${asked}.`,
      'Leave it out to use what the device has.',
    );
  if (!facts.crossOriginIsolated) return 1;
  return asked ?? Math.max(1, Math.min(facts.processors, MAX_THREADS));
}

function threadNotes(facts: DeviceFacts): string[] {
  if (facts.crossOriginIsolated || facts.processors === 1) return [];
  return ['The page is not cross-origin isolated, so the CPU runs on one thread only; see docs/hosting.md.'];
}

function replayPlan(plan: ExecutionPlan, facts: DeviceFacts): BackendDecision {
  const { backend, precision } = plan.transformer;
  if (backend !== 'ort-webgpu' && backend !== 'ort-wasm')
    throw new KinoraError(
      'unsupported',
      `The plan asks for the backend “${backend}”, which this Kinora does not have.`,
      'Leave the plan out, or update Kinora.',
    );
  if (backend === 'ort-webgpu' && !facts.webgpu.available)
    throw new KinoraError(
      'unsupported',
      `The plan asks for WebGPU, but ${lowerFirst(facts.webgpu.reason)}`,
      'Run it on the device that the plan comes from, or leave the plan out.',
    );
  const threads = Math.max(plan.textEncoder.threads, plan.transformer.threads, plan.autoencoder.threads);
  if (threads > 1 && !facts.crossOriginIsolated)
    throw new KinoraError(
      'unsupported',
      `The plan asks for ${threads} threads, but this page is not cross-origin isolated and has one.`,
      'Serve the page with the headers in docs/hosting.md, or leave the plan out.',
    );
  return { requested: plan.requested, backend, precision, threads, reason: plan.reason, notes: [], replay: plan };
}

function planDifference(wanted: ExecutorPlan, got: ExecutorPlan): string | null {
  for (const key of ['backend', 'build', 'precision', 'threads', 'adapter'] as const)
    if (wanted[key] !== got[key]) return `its ${key} is ${wanted[key] ?? 'none'}, here it is ${got[key] ?? 'none'}`;
  for (const name of new Set([...Object.keys(wanted.variants), ...Object.keys(got.variants)]))
    if (wanted.variants[name] !== got.variants[name])
      return `its variant ${name} is ${wanted.variants[name] ?? 'not set'}, here it is ${got.variants[name] ?? 'not set'}`;
  return null;
}

function lowerFirst(sentence: string): string {
  return /^WebGPU|^[A-Z]{2}/.test(sentence) ? sentence : sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
