import { invalidGraph } from '../../graph/errors';
import { bindInputs, type InputShape } from '../../graph/bindings';
import { elementCount, evaluateShape, formatShape } from '../../graph/dims';
import type { DeviceTensor, Executor, LatentColours, MemoryEstimate, Precision, Term } from '../../graph/executor';
import type { Graph } from '../../graph/types';
import { KinoraError } from '../../errors';
import { Arena, sortedBytes } from './arena';
import { compileGraph, paramBytes, planGraph, weightParts, type Device } from './compiled-graph';
import { Gpu, type SizeLimits } from './gpu';
import { linearGroups, OFFSET_ALIGNMENT } from './kernel';
import { framesToI420, latentsToPreview } from './pictures';
import { rangesOf } from './ranges';
import { readBack } from './read-back';
import { runKernel } from './run-kernel';
import { Submitter, type SubmitterOptions } from './submitter';
import { GpuTensor } from './tensor';
import { stretchFor } from './window';
import type { KernelChoices } from './tuning/choice';
import { tuneKernels, type SeenGraph } from './tuning/tune-kernels';
import { deviceTraits } from './tuning/traits';

export interface WgslOptions extends SubmitterOptions {
  /** Stays the caller's to destroy; may be shared with onnxruntime-web. */
  readonly device: GPUDevice;
  /** The adapter in words, for reports. */
  readonly adapter: string;
  /** Whether the adapter runs on the CPU: barriers are dear there. */
  readonly software: boolean;
  /** `fast`: Q8_0 linears on int8 and everything else in f16 tiles, where the hardware has them; the plan says what it had. Default `exact`. */
  readonly precision?: Precision;
  /** Configurations of kernel classes, as measured or from a plan; the rest run their defaults. See tuning/. */
  readonly choices?: KernelChoices;
  /** Below the device's own: larger tensors are bound in windows, larger weights kept in several buffers. */
  readonly limits?: SizeLimits;
}

export interface WgslExecutor extends Executor {
  /** Buffers that are alive; 0 when everything has been disposed of. */
  readonly liveBuffers: number;
  /** Bytes of buffers that are alive, and the most there were at once. */
  readonly liveBytes: number;
  readonly peakBytes: number;
  estimateMemory(graph: Graph, inputs: Readonly<Record<string, InputShape>>): MemoryEstimate;
  /** Decoded frames [T, 3, H, W] as I420 bytes, [T, words] of i32; see pictures.ts. */
  toI420(frames: DeviceTensor): Promise<DeviceTensor>;
  /** Latents [C, T, h, w] as RGBA pixels, [T, h, w] of i32; see pictures.ts. */
  toPreview(latents: DeviceTensor, colours: LatentColours): Promise<DeviceTensor>;
}

/** Bindings of combine.wgsl. */
const MAX_TERMS = 7;
const DEFECT = 'This is a defect in Kinora; please report it.';

/** Runs graphs as fused WGSL kernels (shaders/). All tensors stay on the GPU until they are downloaded. */
export function createWgslExecutor(options: WgslOptions): WgslExecutor {
  const { device, adapter, software } = options;
  const choices = options.choices ?? {};
  const traits = deviceTraits(device, { software, precision: options.precision ?? 'exact' });
  const gpu = new Gpu(device, options.limits);
  const target = { traits, choices, bindingBytes: gpu.bindingBytes };
  const submitter = new Submitter(gpu, options);
  let last: Promise<unknown> = Promise.resolve();
  const exclusive = <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
  const shared: Device = { gpu, target, submitter, arena: new Arena(gpu), exclusive };
  /** What has been run, and at which sizes: what tuning measures. */
  const seen = new Map<string, SeenGraph>();

  /** Up to MAX_TERMS at once. */
  const sumOf = async (terms: readonly Term[]): Promise<GpuTensor> => {
    const tensors = terms.map(({ tensor }) => own(tensor));
    const result = new GpuTensor(gpu, tensors[0]!.shape, 'f32');
    const coefficients = Array.from({ length: 8 }, (_, index) => ({ f32: terms[index]?.coefficient ?? 0 }));
    const count = elementCount(result.shape);
    const each = Math.floor(gpu.bindingBytes / OFFSET_ALIGNMENT) * (OFFSET_ALIGNMENT / 4);
    const parts = rangesOf(count, each).map(({ first, count: own }) => {
      const stretch = stretchFor(first, first + own);
      return {
        params: [...coefficients, own],
        buffers: {
          ...Object.fromEntries(tensors.map(({ buffer }, index) => [index + 1, { buffer, ...stretch }])),
          8: { buffer: result.buffer, ...stretch },
        },
        groups: linearGroups(own, 256),
      };
    });
    await runKernel(gpu, { shader: 'combine', defines: { TERMS: terms.length } }, parts);
    return result;
  };

  return {
    plan: {
      backend: 'wgsl',
      build: 'kinora wgsl',
      precision: traits.int8 || traits.f16 ? 'fast' : 'exact',
      threads: 1,
      adapter,
      variants: { sharedTiles: !software, f16: traits.f16, int8: traits.int8, subgroups: traits.subgroups, ...choices },
    },
    get liveBuffers() {
      return gpu.liveBuffers;
    },
    get liveBytes() {
      return gpu.liveBytes;
    },
    get peakBytes() {
      return gpu.peakBytes;
    },
    estimateMemory: (graph, inputs) => {
      const bindings = bindInputs(graph, inputs);
      const { memory, kernels } = planGraph(graph, bindings, target);
      const sizes = {
        weight: weightParts(graph, target).flatMap(({ piece }) => piece.bytes),
        intermediate: memory.slotBytes,
        input: graph.inputs.map(({ value }) => 4 * elementCount(evaluateShape(value.shape, bindings))),
        output: graph.outputs.map(({ value }) => 4 * elementCount(evaluateShape(value.shape, bindings))),
      };
      for (const [what, bytes] of Object.entries(sizes)) for (const size of bytes) gpu.checkSize(size, `${graph.name} (${what})`);
      const total = (bytes: readonly number[]) => bytes.reduce((sum, size) => sum + size, 0);
      return {
        weightBytes: total(sizes.weight),
        intermediateBytes: total(sizes.intermediate),
        slotBytes: sortedBytes(sizes.intermediate),
        paramBytes: paramBytes(kernels),
        inputBytes: total(sizes.input),
        outputBytes: total(sizes.output),
      };
    },
    compile: async (graph, weights, compileOptions) => {
      const compiled = await compileGraph(shared, graph, weights, compileOptions);
      return {
        ...compiled,
        run: async (inputs) => {
          const outputs = await compiled.run(inputs); // says first what is wrong, a lost device before all
          const bindings = bindInputs(graph, inputs);
          seen.set(`${graph.name} ${JSON.stringify(bindings)}`, { graph, bindings });
          return outputs;
        },
      };
    },
    memory: { current: () => ({ liveBytes: gpu.liveBytes, peakBytes: gpu.peakBytes }), restart: () => gpu.restartPeak() },
    tune: (tuneOptions = {}) => exclusive(() => tuneKernels(gpu, { ...target, choices: {} }, seen.values(), tuneOptions)),

    upload: (data, shape) => {
      if (data.length !== elementCount(shape))
        throw invalidGraph(`${data.length} elements cannot be a tensor of ${formatShape(shape)}.`, DEFECT);
      const tensor = new GpuTensor(gpu, shape, data instanceof Int32Array ? 'i32' : 'f32');
      device.queue.writeBuffer(tensor.buffer, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
      return tensor;
    },

    download: async (tensor) => (await readBack(gpu, [own(tensor)]))[0]!,
    downloadAll: (tensors) => readBack(gpu, tensors.map(own)),

    combine: async (terms: readonly Term[]) => {
      const [first, ...rest] = terms;
      if (!first) throw invalidGraph('A combination needs at least one term.', DEFECT);
      for (const { tensor } of rest)
        if (elementCount(tensor.shape) !== elementCount(first.tensor.shape))
          throw invalidGraph(`${formatShape(tensor.shape)} cannot be combined with ${formatShape(first.tensor.shape)}.`, DEFECT);
      let sum = await sumOf(terms.slice(0, MAX_TERMS));
      for (let at = MAX_TERMS; at < terms.length; at += MAX_TERMS - 1) {
        const next = await sumOf([{ tensor: sum, coefficient: 1 }, ...terms.slice(at, at + MAX_TERMS - 1)]);
        sum.dispose();
        sum = next;
      }
      return sum;
    },

    selectFrames: async (free, known, mask) => {
      const [channels, frames, height, width] = free.shape as [number, number, number, number];
      if (formatShape(free.shape) !== formatShape(known.shape) || mask.length !== frames)
        throw invalidGraph(
          `Frames cannot be chosen from ${formatShape(free.shape)} and ${formatShape(known.shape)} by ${mask.length} flags.`,
          DEFECT,
        );
      const result = new GpuTensor(gpu, free.shape, 'f32');
      const bytes = 4 * height * width;
      const encoder = device.createCommandEncoder();
      for (let c = 0; c < channels; c++)
        for (let t = 0; t < frames; t++) {
          const at = (c * frames + t) * bytes;
          encoder.copyBufferToBuffer(own(mask[t] ? known : free).buffer, at, result.buffer, at, bytes);
        }
      device.queue.submit([encoder.finish()]);
      return result;
    },

    toI420: (frames) => framesToI420(gpu, own(frames)),
    toPreview: (latents, colours) => latentsToPreview(gpu, own(latents), colours),

    dispose: async () => {
      await device.queue.onSubmittedWorkDone().catch(() => {});
      submitter.dispose();
      gpu.dispose();
    },
  };
}

function own(tensor: DeviceTensor): GpuTensor {
  if (!(tensor instanceof GpuTensor)) throw new KinoraError('internal', 'A tensor of another executor was passed to the GPU.', DEFECT);
  return tensor;
}
