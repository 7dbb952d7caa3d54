import type * as Ort from 'onnxruntime-common';
import { throwIfAborted } from '../../errors';
import { bindInputs } from '../../graph/bindings';
import { evaluateShape, type Bindings } from '../../graph/dims';
import { invalidGraph } from '../../graph/errors';
import type { CompiledGraph, CompileOptions, DeviceTensor } from '../../graph/executor';
import type { Graph, WeightSource } from '../../graph/types';
import { graphWeights } from '../../graph/weights';
import { internalError } from './errors';
import { letEventsIn } from './let-events-in';
import { lowerGraph } from './lowering';
import type { Choices } from './lowering/choices';
import { inputName, outputName, type Table } from './lowering/context';
import type { Memory } from './memory';
import type { ExternalWeight } from './onnx/builder';
import { encodeModel } from './onnx/encode';
import { createSession, releaseSession, type Runtime } from './runtime';
import { asOrtTensor, OrtTensor } from './tensors';

export interface Backend {
  readonly runtime: Runtime;
  readonly memory: Memory;
  readonly choices: Choices;
  readonly sessionOptions: Ort.InferenceSession.SessionOptions;
}

/** Lowers a graph, loads its weights, and makes the session that runs it. */
export async function compileGraph(backend: Backend, graph: Graph, source: WeightSource, options: CompileOptions): Promise<CompiledGraph> {
  const { runtime, memory } = backend;
  const lowered = lowerGraph(graph, source, backend.choices);
  const externalData = await loadWeights(graph, lowered.weights, source, options);
  const session = await runtime.exclusively(() =>
    memory.guard(() => createSession(runtime, encodeModel(lowered.model), { ...backend.sessionOptions, externalData })),
  );
  externalData.length = 0; // the session has its own copies
  if (options.signal?.aborted) await releaseSession(runtime, session);
  throwIfAborted(options.signal);

  const tables = keepTables(runtime, lowered.tables);
  let disposed = false;
  return {
    graph,
    run: async (inputs) => {
      if (disposed) throw internalError('A graph was run after it had been disposed of.');
      const bindings = bindInputs(graph, inputs);
      const feeds = {
        ...tables(bindings),
        ...Object.fromEntries(graph.inputs.map(({ name }) => [inputName(name), asOrtTensor(inputs[name]!).tensor])),
      };
      const own = new Map<string, OrtTensor>();
      try {
        const results = await runtime.exclusively(() =>
          memory.guard(async () => {
            for (const { name, value } of graph.outputs) {
              const tensor = memory.allocate(value.type, evaluateShape(value.shape, bindings));
              if (tensor) own.set(name, tensor);
            }
            const fetches = Object.fromEntries([...own].map(([name, { tensor }]) => [outputName(name), tensor]));
            return own.size > 0 ? session.run(feeds, fetches) : session.run(feeds);
          }),
        );
        await letEventsIn();
        return Object.fromEntries(
          graph.outputs.map(({ name }): [string, DeviceTensor] => [name, own.get(name) ?? new OrtTensor(results[outputName(name)]!)]),
        );
      } catch (error) {
        own.forEach((tensor) => tensor.dispose());
        throw error;
      }
    },
    dispose: async () => {
      if (disposed) return;
      disposed = true;
      await releaseSession(runtime, session);
    },
  };
}

/** The tables for a run, kept until a run of other sizes. */
function keepTables({ ort }: Runtime, tables: readonly Table[]): (bindings: Bindings) => Record<string, Ort.Tensor> {
  let key: string | undefined;
  let kept: Record<string, Ort.Tensor> = {};
  return (bindings) => {
    const wanted = JSON.stringify(bindings);
    if (wanted === key) return kept;
    kept = Object.fromEntries(
      tables.map(({ name, make }) => {
        const { data, shape } = make(bindings);
        return [name, data instanceof Int32Array ? new ort.Tensor('int32', data, shape) : new ort.Tensor('int64', data, shape)];
      }),
    );
    key = wanted;
    return kept;
  };
}

/** One weight after the other, so that no more than what the session needs is in memory. */
async function loadWeights(graph: Graph, weights: readonly ExternalWeight[], source: WeightSource, options: CompileOptions) {
  const totalBytes = graphWeights(graph).reduce((sum, { name }) => sum + source.info(name).sizeBytes, 0);
  const counted = new Set<string>();
  let loadedBytes = 0;
  const loaded: { path: string; data: Uint8Array }[] = [];
  for (const weight of weights) {
    throwIfAborted(options.signal);
    const data = await weight.load();
    if (data.byteLength !== weight.sizeBytes)
      throw invalidGraph(`The weight ${weight.of} has ${data.byteLength} bytes where ${weight.sizeBytes} are expected.`);
    loaded.push({ path: weight.location, data });
    if (counted.has(weight.of)) continue;
    counted.add(weight.of);
    loadedBytes += source.info(weight.of).sizeBytes;
    options.onProgress?.(loadedBytes, totalBytes);
  }
  return loaded;
}
