import { createOrtExecutor } from '../../../src/backends/ort';
import { webGpuBuild } from '../../../src/backends/ort/runtime';
import { createWgslExecutor } from '../../../src/backends/wgsl/create-wgsl-executor';
import type { CompiledGraph, DeviceTensor, Executor } from '../../../src/graph/executor';
import { networkWorkloads, type Workload } from '../network-workloads';
import { HARDWARE_BLOCKS, LONG_MS, SOFTWARE_BLOCKS, wanBlockWorkloads } from '../wgsl/wan-blocks';

/** One network on one backend. */
export interface BackendRow {
  readonly network: string;
  readonly backend: string;
  /** Milliseconds: the first run with compiling; then the fastest and the median. Null where it does not run. */
  readonly first: number | null;
  readonly best: number | null;
  readonly median: number | null;
  /** Why not. */
  readonly reason?: string;
  /** Difference to the first backend's first output, of its root mean square: largest and root mean square. */
  readonly difference?: readonly [max: number, rms: number];
}

export interface BackendFigures {
  readonly adapter: string;
  readonly f16: boolean;
  readonly threads: number;
  readonly rows: readonly BackendRow[];
}

interface Candidate {
  readonly backend: string;
  readonly executor: Executor;
}

interface Ready {
  readonly backend: string;
  readonly executor: Executor;
  readonly compiled: CompiledGraph;
  readonly tensors: Readonly<Record<string, DeviceTensor>>;
  readonly first: number;
  readonly output: Float32Array;
  readonly times: number[];
}

/** Of Wan's blocks a longer clip is left out when the slowest backend took so long on the one before. */
const LONGEST_MS = 20_000;
/** Names of `networkWorkloads`. */
const NETWORKS = ['step', 'step-merged', 'minilm15', 'decode1', 'encode'];
const WEBGPU = 'onnxruntime-web WebGPU';

/** Times networks of the bundled model, and a layer of Wan's shape, on all backends in turn, `repeats` rounds of one run each, so that what else the machine does hits all. */
export async function measureBackends({ repeats }: { readonly repeats: number }): Promise<BackendFigures> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error('There is no WebGPU adapter.');
  const device = await adapter.requestDevice({
    requiredFeatures: (['shader-f16', 'subgroups'] as const).filter((feature) => adapter.features.has(feature)),
  });
  const { vendor, architecture, device: product, description, isFallbackAdapter } = adapter.info;
  const wasm = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
  const candidates: Candidate[] = [
    { backend: 'wgsl', executor: createWgslExecutor({ device, adapter: description, software: isFallbackAdapter }) },
    { backend: WEBGPU, executor: await createOrtExecutor({ provider: 'webgpu', precision: 'exact' }) },
    { backend: 'onnxruntime-web wasm', executor: wasm },
  ];
  const rows: BackendRow[] = [];
  for (const workload of await networkWorkloads(readModel)) {
    if (!NETWORKS.includes(workload.name)) continue;
    console.log(workload.name);
    rows.push(...(await measureNetwork(workload, candidates, repeats)), await tryGraphCapture(workload, candidates[1]!.executor));
  }
  const plan = isFallbackAdapter ? SOFTWARE_BLOCKS : HARDWARE_BLOCKS;
  for (const workload of wanBlockWorkloads(plan)) {
    console.log(workload.name);
    const measured = await measureNetwork(workload, candidates, repeats);
    rows.push(...measured.map(({ difference: _allZero, ...row }) => row)); // made-up weights give zeros
    if (measured.some(({ best }) => best! > LONGEST_MS)) break;
  }
  for (const { executor } of candidates) await executor.dispose();
  return {
    adapter: [vendor, architecture, product, description].filter(Boolean).join(' '),
    f16: adapter.features.has('shader-f16'),
    threads: wasm.plan.threads,
    rows,
  };
}

async function measureNetwork(workload: Workload, candidates: readonly Candidate[], repeats: number): Promise<BackendRow[]> {
  const ready: Ready[] = [];
  for (const candidate of candidates) ready.push(await start(candidate, workload));
  for (let round = 0; round < repeats; round++)
    for (const { executor, compiled, tensors, times } of ready)
      if (times.length === 0 || times[0]! <= LONG_MS) times.push((await run(executor, compiled, tensors)).ms);
  const rows = ready.map(({ backend, first, times, output }, index): BackendRow => {
    times.sort((a, b) => a - b);
    return {
      network: workload.name,
      backend,
      first,
      best: times[0]!,
      median: times[times.length >> 1]!,
      ...(index > 0 ? { difference: differenceOf(output, ready[0]!.output) } : {}),
    };
  });
  for (const { compiled, tensors } of ready) {
    Object.values(tensors).forEach((tensor) => tensor.dispose());
    await compiled.dispose();
  }
  return rows;
}

async function start({ backend, executor }: Candidate, { graph, weights, inputs }: Workload, kept?: DeviceTensor[]): Promise<Ready> {
  const started = performance.now();
  const compiled = await executor.compile(graph, weights);
  const tensors = Object.fromEntries(Object.entries(inputs).map(([name, { data, shape }]) => [name, executor.upload(data, shape)]));
  const { output } = await run(executor, compiled, tensors, kept);
  return { backend, executor, compiled, tensors, first: performance.now() - started, output, times: [] };
}

/** One run until its first output is back: what a backend queues counts too. Outputs are disposed of, or `kept`. */
async function run(executor: Executor, compiled: CompiledGraph, tensors: Readonly<Record<string, DeviceTensor>>, kept?: DeviceTensor[]) {
  const started = performance.now();
  const outputs = Object.values(await compiled.run(tensors));
  const output = (await executor.download(outputs[0]!)) as Float32Array;
  const ms = performance.now() - started;
  if (kept) kept.push(...outputs);
  else outputs.forEach((tensor) => tensor.dispose());
  return { ms, output };
}

/** Whether onnxruntime can record the network once and play it back. */
async function tryGraphCapture(workload: Workload, executor: Executor): Promise<BackendRow> {
  const { InferenceSession } = webGpuBuild() === 'jspi' ? await import('onnxruntime-web/jspi') : await import('onnxruntime-web/webgpu');
  const create = InferenceSession.create;
  const row = { network: workload.name, backend: `${WEBGPU}, graph capture` };
  InferenceSession.create = ((model: Uint8Array, options: object) =>
    create.call(InferenceSession, model, { ...options, enableGraphCapture: true })) as typeof create;
  try {
    // What was recorded writes to the buffers of its first run for ever, so no output goes before the end.
    const kept: DeviceTensor[] = [];
    const ready = await start({ backend: row.backend, executor }, workload, kept);
    const times: number[] = [];
    for (let i = 0; i < 4; i++) times.push((await run(executor, ready.compiled, ready.tensors, kept)).ms);
    times.shift(); // records
    times.sort((a, b) => a - b);
    kept.forEach((tensor) => tensor.dispose());
    Object.values(ready.tensors).forEach((tensor) => tensor.dispose());
    await ready.compiled.dispose();
    return { ...row, first: ready.first, best: times[0]!, median: times[1]! };
  } catch (error) {
    const { cause, message } = error as Error;
    return { ...row, first: null, best: null, median: null, reason: String(cause ?? message).split('\n', 1)[0] };
  } finally {
    InferenceSession.create = create;
  }
}

async function readModel(name: string): Promise<Uint8Array> {
  const response = await fetch(`/models/storybook/${name}`);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

function differenceOf(actual: Float32Array, expected: Float32Array): [number, number] {
  let max = 0;
  let squares = 0;
  let unit = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    max = Math.max(max, difference);
    squares += difference ** 2;
    unit += expected[i]! ** 2;
  }
  return [max / Math.sqrt(unit / expected.length), Math.sqrt(squares / unit)];
}
