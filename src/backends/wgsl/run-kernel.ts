import { overLimit } from './errors';
import type { Gpu } from './gpu';
import { packParams, PARAM_STRIDE, type Param } from './kernel';
import type { Defines } from './preprocess';
import type { ShaderName } from './shaders';

/** One dispatch of a kernel outside any graph. */
export interface Part {
  readonly params: readonly Param[];
  /** What is bound, by binding; binding 0 is the uniform. */
  readonly buffers: Readonly<Record<number, GPUBufferBinding>>;
  readonly groups: readonly [number, number, number];
}

/** Dispatches of one kernel outside any graph, in order: their uniforms are made for them and released behind them. Throws `out-of-memory` over the binding limit. */
export async function runKernel(
  gpu: Gpu,
  kernel: { readonly shader: ShaderName; readonly defines: Defines },
  parts: readonly Part[],
): Promise<void> {
  const { device } = gpu;
  for (const { buffers } of parts)
    for (const { buffer, offset = 0, size = buffer.size - offset } of Object.values(buffers))
      if (size > gpu.bindingBytes) throw overLimit(`The kernel ${kernel.shader}`, size, gpu.bindingBytes);
  const pipeline = await gpu.pipeline(kernel.shader, kernel.defines);
  const words = new Uint8Array(PARAM_STRIDE * parts.length);
  parts.forEach((part, index) => words.set(packParams(part.params), PARAM_STRIDE * index));
  const params = gpu.buffer(words.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, `${kernel.shader} params`);
  try {
    device.queue.writeBuffer(params, 0, words);
    const encoder = device.createCommandEncoder({ label: kernel.shader });
    const pass = encoder.beginComputePass({ label: kernel.shader });
    pass.setPipeline(pipeline);
    parts.forEach((part, index) => {
      const uniform = { buffer: params, offset: PARAM_STRIDE * index, size: Math.ceil(part.params.length / 4) * 16 };
      const bindings: [number, GPUBufferBinding][] = Object.entries(part.buffers).map(([binding, resource]) => [Number(binding), resource]);
      pass.setBindGroup(
        0,
        device.createBindGroup({
          layout: pipeline.getBindGroupLayout(0),
          entries: [{ binding: 0, resource: uniform }, ...bindings.map(([binding, resource]) => ({ binding, resource }))],
        }),
      );
      pass.dispatchWorkgroups(...part.groups);
    });
    pass.end();
    device.queue.submit([encoder.finish()]);
  } finally {
    gpu.release(params);
  }
}
