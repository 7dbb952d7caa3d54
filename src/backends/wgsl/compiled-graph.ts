import { KinoraError, throwIfAborted } from '../../errors';
import { bindInputs } from '../../graph/bindings';
import { evaluateShape, type Bindings } from '../../graph/dims';
import type { CompiledGraph, CompileOptions, DeviceTensor } from '../../graph/executor';
import type { Graph, Value, WeightSource } from '../../graph/types';
import { graphWeightBytes } from '../../graph/weights';
import type { Gpu } from './gpu';
import { packParams, type Kernel, type Operand } from './kernel';
import { lowerGraph } from './lowering';
import { planMemory, type MemoryPlan } from './memory-plan';
import { packMatrix, packPlain, type PackedWeight } from './pack-weights';
import { GpuTensor } from './tensor';

const PARAM_STRIDE = 256; // minUniformBufferOffsetAlignment of every adapter
/** Clip sizes whose plans (intermediates, uniforms) are kept; people switch between few. */
const MAX_PLANS = 2;

/** A graph at one set of sizes: pipelines, uniforms and intermediates, ready to be encoded. */
interface Plan {
  readonly kernels: readonly Kernel[];
  readonly pipelines: readonly GPUComputePipeline[];
  readonly memory: MemoryPlan;
  readonly slots: readonly GPUBuffer[];
  readonly params: GPUBuffer;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** Loads a graph's weights onto the GPU. Sizes are planned at the first run with them. */
export async function compileGraph(
  gpu: Gpu,
  software: boolean,
  graph: Graph,
  source: WeightSource,
  options: CompileOptions = {},
): Promise<CompiledGraph> {
  const weights = await loadWeights(gpu, graph, source, options);
  const plans = new Map<string, Promise<Plan>>();
  let disposed = false;

  const release = async (plan: Promise<Plan>) => {
    const { slots, params } = await plan;
    for (const buffer of [...slots, params]) gpu.release(buffer);
  };
  const planFor = (bindings: Bindings): Promise<Plan> => {
    const key = JSON.stringify(bindings);
    const known = plans.get(key);
    if (known) return known;
    const plan = createPlan(gpu, software, graph, bindings);
    plans.set(key, plan);
    plan.catch(() => plans.delete(key));
    const [oldest] = plans.keys();
    if (plans.size > MAX_PLANS && oldest !== undefined) {
      void release(plans.get(oldest)!);
      plans.delete(oldest);
    }
    return plan;
  };

  return {
    graph,
    run: async (inputs) => {
      if (disposed)
        throw new KinoraError(
          'internal',
          'A graph was run after it had been disposed of.',
          'This is a defect in Kinora; please report it.',
        );
      gpu.check();
      const plan = await planFor(bindInputs(graph, inputs));
      return encode(gpu, graph, plan, weights, inputs);
    },
    dispose: async () => {
      if (disposed) return;
      disposed = true;
      for (const plan of plans.values()) await release(plan).catch(() => {});
      for (const { data, scales } of weights.values()) {
        gpu.release(data);
        if (scales) gpu.release(scales);
      }
    },
  };
}

function weightKey(name: string, matrix: boolean): string {
  return `${matrix ? 'matrix' : 'plain'} ${name}`;
}

async function loadWeights(gpu: Gpu, graph: Graph, source: WeightSource, options: CompileOptions): Promise<Map<string, PackedWeight>> {
  const weights = new Map<string, PackedWeight>();
  const totalBytes = graphWeightBytes(graph, source);
  const counted = new Set<string>();
  let loadedBytes = 0;
  try {
    for (const node of graph.nodes)
      for (const [role, ref] of Object.entries(node.weights)) {
        throwIfAborted(options.signal);
        const matrix = (node.op === 'linear' && role === 'weight') || node.op === 'embedding';
        const key = weightKey(ref.name, matrix);
        if (weights.has(key)) continue;
        weights.set(key, await (matrix ? packMatrix : packPlain)(gpu, ref, source));
        gpu.check();
        if (!counted.has(ref.name)) loadedBytes += source.info(ref.name).sizeBytes;
        counted.add(ref.name);
        options.onProgress?.(loadedBytes, totalBytes);
      }
  } catch (error) {
    for (const { data, scales } of weights.values()) {
      gpu.release(data);
      if (scales) gpu.release(scales);
    }
    throw error;
  }
  return weights;
}

async function createPlan(gpu: Gpu, software: boolean, graph: Graph, bindings: Bindings): Promise<Plan> {
  const kernels = lowerGraph(graph, bindings, software);
  const external = new Set<Value>([...graph.inputs, ...graph.outputs].map(({ value }) => value));
  const sizeBytes = (value: Value) => 4 * evaluateShape(value.shape, bindings).reduce((size, dim) => size * dim, 1);
  const memory = planMemory(kernels, sizeBytes, external);
  const pipelines = await Promise.all(kernels.map(({ shader, defines }) => gpu.pipeline(shader, defines)));
  const slots = memory.slotBytes.map((size, index) => gpu.buffer(size, GPUBufferUsage.STORAGE, `${graph.name} slot ${index}`));
  const params = gpu.buffer(PARAM_STRIDE * kernels.length, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, `${graph.name} params`);
  const words = new Uint8Array(PARAM_STRIDE * kernels.length);
  kernels.forEach((kernel, index) => words.set(packParams(kernel.params), PARAM_STRIDE * index));
  gpu.device.queue.writeBuffer(params, 0, words);
  return {
    kernels,
    pipelines,
    memory,
    slots,
    params,
    shapes: new Map(graph.outputs.map(({ name, value }) => [name, evaluateShape(value.shape, bindings)])),
  };
}

function encode(
  gpu: Gpu,
  graph: Graph,
  plan: Plan,
  weights: ReadonlyMap<string, PackedWeight>,
  inputs: Readonly<Record<string, DeviceTensor>>,
): Record<string, DeviceTensor> {
  const buffers = new Map<Value, GPUBuffer>();
  for (const { name, value } of graph.inputs) buffers.set(value, bufferOf(inputs[name]!));
  const results: Record<string, GpuTensor> = {};
  for (const { name, value } of graph.outputs) {
    results[name] = new GpuTensor(gpu, plan.shapes.get(name)!, value.type);
    buffers.set(value, results[name].buffer);
  }
  for (const [value, slot] of plan.memory.slots) buffers.set(value, plan.slots[slot]!);
  const bufferFor = (operand: Operand): GPUBuffer => {
    if ('value' in operand) return buffers.get(operand.value)!;
    const packed = weights.get(weightKey(operand.weight.name, operand.matrix))!;
    return operand.part === 'scales' ? packed.scales! : packed.data;
  };
  const encoder = gpu.device.createCommandEncoder({ label: graph.name });
  const pass = encoder.beginComputePass({ label: graph.name });
  plan.kernels.forEach((kernel, index) => {
    const pipeline = plan.pipelines[index]!;
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      gpu.device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [
          { binding: 0, resource: { buffer: plan.params, offset: PARAM_STRIDE * index, size: Math.ceil(kernel.params.length / 4) * 16 } },
          ...Object.entries(kernel.reads).map(([binding, operand]) => ({
            binding: Number(binding),
            resource: { buffer: bufferFor(operand) },
          })),
          { binding: kernel.output.binding, resource: { buffer: buffers.get(kernel.output.value)! } },
        ],
      }),
    );
    pass.dispatchWorkgroups(...kernel.groups);
  });
  pass.end();
  gpu.device.queue.submit([encoder.finish()]);
  return results;
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
