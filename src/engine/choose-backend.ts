import { KinoraError } from '../errors';
import type { ExecutorPlan, Precision } from '../graph/executor';
import type { PipelineExecutors } from '../pipeline/types';
import type { DeviceFacts } from './device';
import type { Tuned, TunedFacts } from './tuning';
import {
  BACKEND_CHOICES,
  BACKENDS,
  NETWORKS,
  type BackendChoice,
  type BackendName,
  type ExecutionPlan,
  type NetworkBackends,
  type RunOptions,
} from './types';

/** What runs where nothing else is asked for. */
const DEFAULT_PRECISION: Precision = 'exact';

/** More threads than this were not faster on the networks here, and each costs memory. */
const MAX_THREADS = 8;

export interface BackendDecision {
  readonly requested: ExecutionPlan['requested'];
  /** Where the denoising loop runs. */
  readonly backend: BackendName;
  readonly networks: NetworkBackends;
  /** Configurations of kernel classes that were measured best. */
  readonly choices: Readonly<Record<string, string>>;
  readonly precision: Precision;
  readonly threads: number;
  /** One sentence for the user. */
  readonly reason: string;
  /** For the report: what was not as it could have been. */
  readonly notes: readonly string[];
  readonly replay?: ExecutionPlan;
}

/**
 * Decides how to run. `auto` takes WebGPU only on a hardware adapter: a software one is far slower than wasm. There the denoising
 * loop runs on Kinora's own kernels, and each other network on what was measured faster on this device, or on the same kernels while
 * nothing has been measured: one runtime less to fetch. An explicit choice is honoured on any adapter, for all networks. A plan decides
 * everything. Throws `unsupported` for what can't be met here.
 */
export function chooseBackend(options: RunOptions, facts: TunedFacts): BackendDecision {
  if (options.plan) return replayPlan(options.plan, facts);
  const requested = { backend: options.backend ?? 'auto', precision: options.precision ?? DEFAULT_PRECISION };
  checkChoice('backend', requested.backend, BACKEND_CHOICES);
  checkChoice('precision', requested.precision, ['exact', 'fast']);
  const tuned = facts.tuned[requested.precision];
  const picked = pickBackend(requested.backend, facts, tuned?.faster ?? null);
  const onCpu = picked.networks.transformer === 'ort-wasm';
  return {
    ...picked,
    choices: NETWORKS.some((network) => picked.networks[network] === 'wgsl') ? (tuned?.kernels ?? {}) : {},
    requested,
    backend: picked.networks.transformer,
    precision: requested.precision,
    // On WebGPU the CPU only feeds the device.
    threads: onCpu ? pickThreads(options.threads, facts) : 1,
    notes: onCpu ? [...picked.notes, ...threadNotes(facts)] : picked.notes,
  };
}

/** Throws `unsupported` unless the executors do the arithmetic of the plan that is to be run again. */
export function checkReplay(plan: ExecutionPlan, executors: PipelineExecutors): void {
  for (const role of NETWORKS) {
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

type Picked = Pick<BackendDecision, 'networks' | 'reason' | 'notes'>;

const ON: Readonly<Record<Exclude<BackendName, 'ort-wasm'>, string>> = { wgsl: 'Kinora’s own kernels', 'ort-webgpu': 'onnxruntime-web' };

function pickBackend(choice: BackendChoice, { webgpu, left }: TunedFacts, faster: Tuned['faster']): Picked {
  if (choice === 'ort-wasm') return { networks: everywhere('ort-wasm'), reason: 'The CPU was asked for.', notes: [] };
  if (choice !== 'auto') {
    if (!webgpu.available)
      throw new KinoraError(
        'unsupported',
        `WebGPU was asked for, but is not to be had: ${lowerFirst(webgpu.reason)}`,
        'Choose the backend “auto” or “ort-wasm”: both run on the CPU here.',
      );
    return {
      networks: everywhere(choice),
      reason: `WebGPU with ${ON[choice]} was asked for; it runs on ${webgpu.adapter}.`,
      notes: webgpu.software ? [`${webgpu.reason} The CPU backend (ort-wasm) is many times faster here.`] : [],
    };
  }
  if (left && webgpu.available && !webgpu.software)
    return { networks: everywhere('ort-wasm'), reason: `${left} The CPU is used.`, notes: [left] };
  if (!webgpu.available || webgpu.software)
    return { networks: everywhere('ort-wasm'), reason: `${webgpu.reason} The CPU is used.`, notes: [] };
  const networks: NetworkBackends = { ...everywhere('wgsl'), ...faster };
  const elsewhere = [
    ...(networks.textEncoder === 'wgsl' ? [] : ['the text encoder']),
    ...(networks.autoencoder === 'wgsl' ? [] : ['the autoencoder']),
  ];
  const except = elsewhere.length > 0 ? `; ${elsewhere.join(' and ')} on onnxruntime-web, measured faster here` : '';
  return { networks, reason: `${webgpu.reason.replace(/\.$/, '')}, on ${ON.wgsl}${except}.`, notes: [] };
}

function everywhere(backend: BackendName): NetworkBackends {
  return { textEncoder: backend, transformer: backend, autoencoder: backend };
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
  const networks = {
    textEncoder: knownBackend(plan.textEncoder.backend),
    transformer: knownBackend(plan.transformer.backend),
    autoencoder: knownBackend(plan.autoencoder.backend),
  };
  if (NETWORKS.some((network) => networks[network] !== 'ort-wasm') && !facts.webgpu.available)
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
  return {
    requested: plan.requested,
    backend: networks.transformer,
    networks,
    choices: {}, // the plan's own
    precision: plan.requested.precision,
    threads,
    reason: plan.reason,
    notes: [],
    replay: plan,
  };
}

function knownBackend(name: string): BackendName {
  const known = BACKENDS.find((backend) => backend === name);
  if (known) return known;
  throw new KinoraError(
    'unsupported',
    `The plan asks for the backend “${name}”, which this Kinora does not have.`,
    'Leave the plan out, or update Kinora.',
  );
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
