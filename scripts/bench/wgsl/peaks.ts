import { preprocess, type Defines } from '../../../src/backends/wgsl/preprocess';
import copy from './copy.wgsl?raw';
import peak from './peak.wgsl?raw';

/** What an adapter can do at most, measured. */
export interface Peaks {
  /** Multiply-adds a second, in 1e9, counted as two operations each. Null where the adapter has no such arithmetic. */
  readonly f32: number;
  readonly f16: number | null;
  readonly int8: number | null;
  /** Read plus written, in 1e9 bytes a second. */
  readonly copy: number;
}

/** A measurement lasts about this long, so that starting it does not count. */
const TARGET_MS = 60;

export async function measurePeaks(device: GPUDevice, software: boolean): Promise<Peaks> {
  const threads = software ? 4096 : 1 << 18;
  const flops = async (defines: Defines, perRound: number) => {
    const pipeline = await compile(device, preprocess(peak, { ELEMENT: 'f32', ...defines }));
    const y = device.createBuffer({ size: 4 * threads, usage: GPUBufferUsage.STORAGE });
    const params = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    let rounds = 16;
    try {
      for (;;) {
        const words = new Uint32Array([rounds, 0, 0, 0]);
        new Float32Array(words.buffer)[1] = 0.5;
        device.queue.writeBuffer(params, 0, words);
        const ms = await best(() => dispatch(device, pipeline, [params, y], threads / 64));
        if (ms > TARGET_MS || rounds > 1e7) return (2 * threads * rounds * 8 * perRound) / ms / 1e6;
        rounds *= 4;
      }
    } finally {
      y.destroy();
      params.destroy();
    }
  };
  return {
    f32: await flops({}, 4),
    f16: device.features.has('shader-f16') ? await flops({ HALF: true, ELEMENT: 'f16' }, 4) : null,
    int8: navigator.gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product') ? await flops({ INT8: true }, 4) : null,
    copy: await measureCopy(device, software ? 2 ** 25 : 2 ** 27),
  };
}

async function measureCopy(device: GPUDevice, sizeBytes: number): Promise<number> {
  const pipeline = await compile(device, copy);
  const [x, y] = [0, 1].map(() => device.createBuffer({ size: sizeBytes, usage: GPUBufferUsage.STORAGE })) as [GPUBuffer, GPUBuffer];
  const repeats = 8; // within one submission
  const ms = await best(() => dispatch(device, pipeline, [x, y], 4096, repeats));
  x.destroy();
  y.destroy();
  return (2 * sizeBytes * repeats) / ms / 1e6;
}

function compile(device: GPUDevice, code: string): Promise<GPUComputePipeline> {
  const module = device.createShaderModule({ code });
  return device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
}

async function dispatch(device: GPUDevice, pipeline: GPUComputePipeline, buffers: readonly GPUBuffer[], groups: number, repeats = 1) {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    }),
  );
  for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(groups);
  pass.end();
  device.queue.submit([encoder.finish()]);
  await device.queue.onSubmittedWorkDone();
}

/** The fastest of three, in milliseconds, after one that does not count. */
async function best(work: () => Promise<void>): Promise<number> {
  await work();
  let least = Infinity;
  for (let i = 0; i < 3; i++) {
    const started = performance.now();
    await work();
    least = Math.min(least, performance.now() - started);
  }
  return least;
}
