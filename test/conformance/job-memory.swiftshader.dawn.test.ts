import { expect, test } from 'vitest';
import { createPipeline } from '../../src/pipeline/create-pipeline';
import type { DenoiseSpec, Pipeline } from '../../src/pipeline/types';
import { testExecutor } from '../backends/wgsl/device';
import { onDriver } from '../dawn/on-driver';
import { packedStorybook } from './node-storybook';

const PROMPTS = ['a red fox runs through deep snow', ''] as const;
const SPEC: DenoiseSpec = { seed: 1, width: 64, height: 64, frames: 9, steps: 2, guidance: 3, sampler: 'euler', shift: 3 };

/** A whole clip; `alone` releases networks as the frugal rung does. */
async function makeClip(pipeline: Pipeline, spec: DenoiseSpec, alone: boolean): Promise<void> {
  if (!alone) await pipeline.load();
  const context = await pipeline.encodePrompt(PROMPTS[0]);
  const uncond = spec.guidance === 1 ? undefined : await pipeline.encodePrompt(PROMPTS[1]);
  if (alone) await pipeline.keepOnly('transformer');
  const latents = await pipeline.denoise({ spec, context, ...(uncond ? { uncond } : {}), onStep: () => undefined });
  context.dispose();
  uncond?.dispose();
  if (alone) await pipeline.keepOnly('autoencoder');
  let frames = 0;
  for await (const frame of pipeline.decodeForVideo(latents)) if (frame) frames++;
  expect(frames).toBe(spec.frames);
}

await onDriver('swiftshader', async () => {
  const {
    bundle: { manifest, weights, tokenizer },
  } = await packedStorybook();
  const model = { manifest, weights, tokenizer };
  for (const [name, changes, alone, bindingBytes] of [
    ['guided by Euler', {}, false],
    ['with pictures over the binding limit', { guidance: 1, steps: 1, frames: 5, width: 224, height: 224 }, false, 2_700_000],
    ['unguided by UniPC, a smaller one', { guidance: 1, sampler: 'unipc', width: 32, height: 48, frames: 5, steps: 3 }, false],
    ['one network at a time', {}, true],
  ] as readonly [string, Partial<DenoiseSpec>, boolean, number?][])
    test(`the memory of a job is known before anything is allocated: ${name}`, async () => {
      const { executor, device } = await testExecutor({ limits: { bindingBytes } });
      const pipeline = createPipeline({ executors: { textEncoder: executor, transformer: executor, autoencoder: executor }, model });
      const spec = { ...SPEC, ...changes };
      const plan = pipeline.planMemory(spec, PROMPTS)!;
      expect(executor.memory!.current()).toEqual({ liveBytes: 0, peakBytes: 0 });
      await makeClip(pipeline, spec, alone);
      const { peakBytes } = executor.memory!.current();
      const planned = alone ? plan.leastBytes : plan.peakBytes;
      expect(peakBytes / planned).toBeGreaterThan(0.99);
      expect(peakBytes / planned).toBeLessThan(1.01);
      expect(plan.leastBytes).toBeLessThan(plan.peakBytes);
      await pipeline.dispose();
      expect(executor.memory!.current().liveBytes).toBe(0);
      device.destroy();
    });

  test('a clip with a tensor that no buffer holds is refused before anything is allocated', async () => {
    const { executor, device } = await testExecutor({ limits: { bufferBytes: 2 ** 20 } });
    const pipeline = createPipeline({ executors: { textEncoder: executor, transformer: executor, autoencoder: executor }, model });
    expect(() => pipeline.planMemory({ ...SPEC, width: 512, height: 512 }, PROMPTS)).toThrowError(
      expect.objectContaining({ code: 'out-of-memory' }),
    );
    expect(executor.memory!.current().peakBytes).toBe(0);
    device.destroy();
  });
});
