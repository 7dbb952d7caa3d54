import { overLimit } from './errors';
import type { Gpu } from './gpu';
import { packParams, type Param } from './kernel';
import type { Defines } from './preprocess';
import type { ShaderName } from './shaders';

/** One dispatch outside any graph: its uniform is made for it and released behind it. */
export async function runKernel(
  gpu: Gpu,
  kernel: {
    readonly shader: ShaderName;
    readonly defines: Defines;
    readonly params: readonly Param[];
    /** Buffers by binding; binding 0 is the uniform. */
    readonly buffers: Readonly<Record<number, GPUBuffer>>;
    readonly groups: readonly [number, number, number];
  },
): Promise<void> {
  const { device } = gpu;
  for (const { size } of Object.values(kernel.buffers))
    if (size > gpu.bindingBytes) throw overLimit(`The kernel ${kernel.shader}`, size, gpu.bindingBytes);
  const pipeline = await gpu.pipeline(kernel.shader, kernel.defines);
  const words = packParams(kernel.params);
  const params = gpu.buffer(words.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, `${kernel.shader} params`);
  try {
    device.queue.writeBuffer(params, 0, words as Uint8Array<ArrayBuffer>);
    const encoder = device.createCommandEncoder({ label: kernel.shader });
    const pass = encoder.beginComputePass({ label: kernel.shader });
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [
          { binding: 0, resource: { buffer: params } },
          ...Object.entries(kernel.buffers).map(([binding, buffer]) => ({ binding: Number(binding), resource: { buffer } })),
        ],
      }),
    );
    pass.dispatchWorkgroups(...kernel.groups);
    pass.end();
    device.queue.submit([encoder.finish()]);
  } finally {
    gpu.release(params);
  }
}
