import { KinoraError, throwIfAborted } from '../../errors';
import { bindInputs } from '../../graph/bindings';
import { evaluateShape, type Bindings } from '../../graph/dims';
import type { CompiledGraph, CompileOptions, DeviceTensor } from '../../graph/executor';
import type { Graph, Value, WeightRef, WeightSource } from '../../graph/types';
import { graphWeightBytes } from '../../graph/weights';
import type { Arena } from './arena';
import type { Gpu } from './gpu';
import { packParams, PARAM_STRIDE, type Kernel, type Operand, type WeightForm } from './kernel';
import { lowerGraph } from './lowering';
import type { LoweringTarget } from './lowering/context';
import { convolutionForm } from './lowering/conv2d';
import { planMemory, type MemoryPlan } from './memory-plan';
import { packWeight, type PackedPiece } from './pack-weights';
import type { Dispatch, Submitter } from './submitter';
import { GpuTensor } from './tensor';
import { checkWhole, weightPieces, type WeightPiece } from './weight-pieces';

/** Clip sizes whose plans (intermediates, uniforms) are kept; people switch between few. */
const MAX_PLANS = 2;

/** A graph at one set of sizes: pipelines and uniforms, ready to be encoded. Intermediates are the arena's. */
interface Plan {
  readonly kernels: readonly Kernel[];
  readonly pipelines: readonly GPUComputePipeline[];
  readonly memory: MemoryPlan;
  readonly params: GPUBuffer;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** What all graphs of an executor share. */
export interface Device {
  readonly gpu: Gpu;
  readonly target: LoweringTarget;
  readonly submitter: Submitter;
  readonly arena: Arena;
  /** Runs tasks one after the other: a graph's intermediates serve one run at a time. */
  readonly exclusive: <T>(task: () => Promise<T>) => Promise<T>;
}

/** Loads a graph's weights onto the GPU. Sizes are planned at the first run with them. */
export async function compileGraph(
  device: Device,
  graph: Graph,
  source: WeightSource,
  options: CompileOptions = {},
): Promise<CompiledGraph> {
  const { gpu, arena, exclusive } = device;
  const weights = await loadWeights(device, graph, source, options);
  const plans = new Map<string, Plan>();
  let disposed = false;

  const release = ({ memory, params }: Plan) => {
    arena.release(memory.slotBytes);
    gpu.release(params);
  };
  const planFor = async (bindings: Bindings): Promise<Plan> => {
    const key = JSON.stringify(bindings);
    const known = plans.get(key);
    if (known) return known;
    const [oldest] = plans.keys();
    if (plans.size >= MAX_PLANS && oldest !== undefined) {
      release(plans.get(oldest)!);
      plans.delete(oldest);
    }
    const plan = await createPlan(device, graph, bindings);
    plans.set(key, plan);
    return plan;
  };

  return {
    graph,
    run: (inputs) =>
      exclusive(async () => {
        if (disposed)
          throw new KinoraError(
            'internal',
            'A graph was run after it had been disposed of.',
            'This is a defect in Kinora; please report it.',
          );
        gpu.check();
        return runPlan(device, graph, await planFor(bindInputs(graph, inputs)), weights, inputs);
      }),
    dispose: () =>
      exclusive(async () => {
        if (disposed) return;
        disposed = true;
        for (const plan of plans.values()) release(plan);
        releaseWeights(gpu, weights);
      }),
  };
}

/** Pieces in GPU memory, by `weightKey`. */
type LoadedWeights = ReadonlyMap<string, PackedPiece>;

function releaseWeights(gpu: Gpu, weights: LoadedWeights): void {
  for (const { data, scales } of weights.values()) {
    gpu.release(data);
    if (scales) gpu.release(scales);
  }
}

function weightKey(name: string, form: WeightForm, piece = 0): string {
  return `${form} ${piece} ${name}`;
}

/** A piece of a weight, in a form that a kernel reads. */
interface WeightPart {
  readonly ref: WeightRef;
  readonly form: WeightForm;
  readonly piece: WeightPiece;
}

/** Every weight of a graph in the forms that kernels read it in, once each, in pieces. Throws `out-of-memory` for what cannot be divided. */
export function weightParts(graph: Graph, { traits, bindingBytes = Infinity }: LoweringTarget): readonly WeightPart[] {
  const forms = new Map<string, Omit<WeightPart, 'piece'>>();
  for (const node of graph.nodes)
    for (const [role, ref] of Object.entries(node.weights)) {
      const form =
        (node.op === 'linear' && role === 'weight') || node.op === 'embedding'
          ? 'matrix'
          : node.op === 'conv2d' && role === 'weight'
            ? convolutionForm(traits)
            : 'plain';
      // What is used as a value is bound in windows, as values are; a bias or a norm's weight is bound whole.
      if (form === 'plain' && node.op !== 'weight') checkWhole(ref, bindingBytes);
      const key = weightKey(ref.name, form);
      if (!forms.has(key)) forms.set(key, { ref, form });
    }
  return [...forms.values()].flatMap(({ ref, form }) => weightPieces(ref, form, bindingBytes).map((piece) => ({ ref, form, piece })));
}

async function loadWeights({ gpu, target }: Device, graph: Graph, source: WeightSource, options: CompileOptions): Promise<LoadedWeights> {
  const parts = weightParts(graph, target); // all are checked before the first is read
  for (const { ref, piece } of parts) for (const bytes of piece.bytes) gpu.checkSize(bytes, ref.name);
  const weights = new Map<string, PackedPiece>();
  const totalBytes = graphWeightBytes(graph, source);
  const counted = new Set<string>();
  let loadedBytes = 0;
  try {
    for (const { ref, form, piece } of parts) {
      throwIfAborted(options.signal);
      weights.set(weightKey(ref.name, form, piece.index), await packWeight(gpu, ref, form, piece, source));
      gpu.check();
      const counts = `${ref.name} ${piece.index}`;
      if (!counted.has(counts)) loadedBytes += (source.info(ref.name).sizeBytes * piece.rows) / (ref.shape[0] ?? 1);
      counted.add(counts);
      options.onProgress?.(Math.min(totalBytes, Math.round(loadedBytes)), totalBytes);
    }
  } catch (error) {
    releaseWeights(gpu, weights);
    throw error;
  }
  return weights;
}

/** Kernels at one set of sizes, and where their intermediates will live: nothing is allocated. */
export function planGraph(
  graph: Graph,
  bindings: Bindings,
  target: LoweringTarget,
): { readonly kernels: readonly Kernel[]; readonly memory: MemoryPlan } {
  const kernels = lowerGraph(graph, bindings, target);
  const external = new Set<Value>([...graph.inputs, ...graph.outputs].map(({ value }) => value));
  const sizeBytes = (value: Value) => 4 * evaluateShape(value.shape, bindings).reduce((size, dim) => size * dim, 1);
  return { kernels, memory: planMemory(kernels, sizeBytes, external) };
}

/** Bytes of a plan's uniforms. */
export function paramBytes(kernels: readonly Kernel[]): number {
  return PARAM_STRIDE * kernels.length;
}

async function createPlan({ gpu, target }: Device, graph: Graph, bindings: Bindings): Promise<Plan> {
  const { kernels, memory } = planGraph(graph, bindings, target);
  for (const sizeBytes of memory.slotBytes) gpu.checkSize(sizeBytes, `${graph.name}, an intermediate,`);
  const pipelines = await Promise.all(kernels.map(({ shader, defines }) => gpu.pipeline(shader, defines)));
  const [params] = await gpu.buffers([
    { sizeBytes: paramBytes(kernels), usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, label: `${graph.name} params` },
  ]);
  const words = new Uint8Array(paramBytes(kernels));
  kernels.forEach((kernel, index) => words.set(packParams(kernel.params), PARAM_STRIDE * index));
  gpu.device.queue.writeBuffer(params!, 0, words);
  return {
    kernels,
    pipelines,
    memory,
    params: params!,
    shapes: new Map(graph.outputs.map(({ name, value }) => [name, evaluateShape(value.shape, bindings)])),
  };
}

async function runPlan(
  { gpu, submitter, arena }: Device,
  graph: Graph,
  plan: Plan,
  weights: LoadedWeights,
  inputs: Readonly<Record<string, DeviceTensor>>,
): Promise<Record<string, DeviceTensor>> {
  const buffers = new Map<Value, GPUBuffer>();
  for (const { name, value } of graph.inputs) buffers.set(value, bufferOf(inputs[name]!));
  const slots = await arena.reserve(plan.memory.slotBytes);
  const results: Record<string, GpuTensor> = {};
  try {
    for (const { name, value } of graph.outputs) {
      results[name] = new GpuTensor(gpu, plan.shapes.get(name)!, value.type);
      buffers.set(value, results[name].buffer);
    }
    for (const [value, slot] of plan.memory.slots) buffers.set(value, slots[slot]!);
    await submitter.run(
      graph.name,
      plan.kernels.map((kernel, index) => bind(gpu, kernel, plan, index, weights, buffers)),
    );
    gpu.check();
  } catch (error) {
    for (const tensor of Object.values(results)) tensor.dispose();
    throw error;
  }
  return results;
}

function bind(
  gpu: Gpu,
  kernel: Kernel,
  plan: Plan,
  index: number,
  weights: LoadedWeights,
  buffers: ReadonlyMap<Value, GPUBuffer>,
): Dispatch {
  const pipeline = plan.pipelines[index]!;
  const offset = PARAM_STRIDE * index;
  const bufferFor = (operand: Operand): GPUBufferBinding => {
    if (!('value' in operand)) {
      const packed = weights.get(weightKey(operand.weight.name, operand.form, operand.piece?.index))!;
      return stretchOf(operand.part === 'scales' ? packed.scales! : packed.data, operand);
    }
    return stretchOf(buffers.get(operand.value)!, operand);
  };
  const stretchOf = (buffer: GPUBuffer, { offset: from = 0, sizeBytes = buffer.size - from }: Operand): GPUBufferBinding => {
    // A slot may be larger than the value in it, and than what can be bound.
    return { buffer, offset: from, size: Math.min(sizeBytes, buffer.size - from, gpu.bindingBytes) };
  };
  const bindGroup = gpu.device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [
      { binding: 0, resource: { buffer: plan.params, offset, size: Math.ceil(kernel.params.length / 4) * 16 } },
      ...Object.entries(kernel.reads).map(([binding, operand]) => ({
        binding: Number(binding),
        resource: bufferFor(operand),
      })),
      ...[kernel.output, kernel.state].flatMap((operand) => (operand ? [{ binding: operand.binding, resource: bufferFor(operand) }] : [])),
    ],
  });
  return { kernel, pipeline, bindGroup, params: { buffer: plan.params, offset } };
}

function bufferOf(tensor: DeviceTensor): GPUBuffer {
  if (!(tensor instanceof GpuTensor))
    throw new KinoraError(
      'internal',
      'A tensor of another executor was passed to the GPU.',
      'This is a defect in Kinora; please report it.',
    );
  return tensor.buffer;
}
