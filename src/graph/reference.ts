import { KinoraError, throwIfAborted } from '../errors';
import { bindInputs } from './bindings';
import { elementCount, evaluateShape, formatShape, type Bindings } from './dims';
import { invalidGraph } from './errors';
import type { CompiledGraph, CompileOptions, DeviceTensor, Executor, Term } from './executor';
import type { HostTensor } from './host-tensor';
import { OPS } from './ops';
import { sameShape, type OpDefinition } from './ops/definition';
import type { Graph, Node, OpName, Value, WeightSource } from './types';
import { graphWeights } from './weights';

/**
 * The executor that defines what every op means: plain TypeScript, f32 between ops, f64 inside sums. For
 * tests; the others are compared with it.
 */
export function createReferenceExecutor(): Executor {
  return {
    plan: { backend: 'reference', build: 'typescript', precision: 'exact', threads: 1, adapter: null, variants: {} },
    compile,
    upload: (data, shape) => {
      if (data.length !== elementCount(shape))
        throw invalidGraph(`${data.length} elements cannot be a tensor of ${formatShape(shape)}.`, DEFECT);
      return new ReferenceTensor({ shape: [...shape], type: data instanceof Int32Array ? 'i32' : 'f32', data: data.slice() });
    },
    download: async (tensor) => hostTensor(tensor).data.slice(),
    combine: async (terms) => combine(terms),
    selectFrames: async (free, known, mask) => selectFrames(hostTensor(free), hostTensor(known), mask),
    dispose: async () => {},
  };
}

const DEFECT = 'This is a defect in Kinora; please report it.';

class ReferenceTensor implements DeviceTensor {
  #host: HostTensor | undefined;
  readonly shape: readonly number[];
  readonly type: HostTensor['type'];

  constructor(host: HostTensor) {
    this.#host = host;
    this.shape = host.shape;
    this.type = host.type;
  }

  get host(): HostTensor {
    if (!this.#host) throw new KinoraError('internal', 'A tensor was used after it had been disposed of.', DEFECT);
    return this.#host;
  }

  dispose(): void {
    this.#host = undefined;
  }
}

function hostTensor(tensor: DeviceTensor): HostTensor {
  if (!(tensor instanceof ReferenceTensor))
    throw new KinoraError('internal', 'A tensor of another executor was passed to the reference executor.', DEFECT);
  return tensor.host;
}

async function compile(graph: Graph, source: WeightSource, options: CompileOptions = {}): Promise<CompiledGraph> {
  const weights = new Map<string, Float32Array>();
  const needed = graphWeights(graph);
  const totalBytes = needed.reduce((sum, { name }) => sum + source.info(name).sizeBytes, 0);
  let loadedBytes = 0;
  for (const ref of needed) {
    throwIfAborted(options.signal);
    const data = await source.readF32(ref.name);
    if (data.length !== elementCount(ref.shape))
      throw invalidGraph(`The weight ${ref.name} has ${data.length} elements where ${formatShape(ref.shape)} is expected.`);
    weights.set(ref.name, data);
    loadedBytes += source.info(ref.name).sizeBytes;
    options.onProgress?.(loadedBytes, totalBytes);
  }
  let disposed = false;
  return {
    graph,
    run: async (inputs) => {
      if (disposed) throw new KinoraError('internal', 'A graph was run after it had been disposed of.', DEFECT);
      return run(graph, weights, inputs);
    },
    dispose: async () => {
      disposed = true;
      weights.clear();
    },
  };
}

function run(
  graph: Graph,
  weights: ReadonlyMap<string, Float32Array>,
  inputs: Readonly<Record<string, DeviceTensor>>,
): Record<string, DeviceTensor> {
  const bindings = bindInputs(graph, inputs);
  const values = new Map<Value, HostTensor>();
  for (const { name, value } of graph.inputs) values.set(value, hostTensor(inputs[name]!));
  const lastUse = new Map<Value, Node>();
  for (const node of graph.nodes) node.inputs.forEach((value) => lastUse.set(value, node));
  const kept = new Set(graph.outputs.map((output) => output.value));
  for (const node of graph.nodes) {
    values.set(
      node.output,
      evaluate(
        graph,
        node,
        node.inputs.map((value) => values.get(value)!),
        weights,
        bindings,
      ),
    );
    for (const value of node.inputs) if (lastUse.get(value) === node && !kept.has(value)) values.delete(value);
  }
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, new ReferenceTensor(values.get(value)!)]));
}

function evaluate(
  graph: Graph,
  node: Node,
  inputs: readonly HostTensor[],
  weights: ReadonlyMap<string, Float32Array>,
  bindings: Bindings,
): HostTensor {
  const definition = OPS[node.op] as OpDefinition<OpName>;
  const shape = evaluateShape(node.output.shape, bindings);
  const attributes = node.op === 'reshape' ? { shape } : node.attributes;
  const tensors = Object.fromEntries(
    Object.entries(node.weights).map(([name, ref]): [string, HostTensor] => [
      name,
      { shape: ref.shape, type: 'f32', data: weights.get(ref.name)! },
    ]),
  );
  // The same inference on the actual sizes finds what symbols cannot: token counts that do not belong together.
  const actual = definition.infer({
    inputs,
    weights: Object.fromEntries(Object.entries(node.weights).map(([name, ref]) => [name, ref.shape])),
    attributes,
  });
  if (!sameShape(actual.shape, shape))
    throw invalidGraph(`${graph.name}: ${node.op} makes ${formatShape(actual.shape)} where ${formatShape(shape)} was expected.`);
  return { shape, type: node.output.type, data: definition.evaluate({ inputs, weights: tensors, attributes, shape }) };
}

function combine(terms: readonly Term[]): DeviceTensor {
  const [first] = terms;
  if (!first) throw invalidGraph('A combination needs at least one term.', DEFECT);
  const { shape } = first.tensor;
  const sums = new Float64Array(elementCount(shape));
  for (const { tensor, coefficient } of terms) {
    const { data, type } = hostTensor(tensor);
    if (type !== 'f32' || !sameShape(tensor.shape, shape))
      throw invalidGraph(`${formatShape(tensor.shape)} cannot be combined with ${formatShape(shape)}.`, DEFECT);
    for (let i = 0; i < sums.length; i++) sums[i]! += coefficient * data[i]!;
  }
  return new ReferenceTensor({ shape, type: 'f32', data: Float32Array.from(sums) });
}

function selectFrames(free: HostTensor, known: HostTensor, mask: readonly boolean[]): DeviceTensor {
  const { shape } = free;
  if (shape.length !== 4 || !sameShape(shape, known.shape) || mask.length !== shape[1])
    throw invalidGraph(
      `Frames cannot be chosen from ${formatShape(shape)} and ${formatShape(known.shape)} by ${mask.length} flags.`,
      DEFECT,
    );
  const [channels, frames, height, width] = shape as [number, number, number, number];
  const data = free.data.slice() as Float32Array;
  const size = height * width;
  for (let c = 0; c < channels; c++)
    for (let t = 0; t < frames; t++) {
      const at = (c * frames + t) * size;
      if (mask[t]) data.set(known.data.subarray(at, at + size), at);
    }
  return new ReferenceTensor({ shape, type: 'f32', data });
}
