import { expect, test } from 'vitest';
import { createOrtExecutor } from '../../src/backends/ort';
import { testExecutor } from '../backends/wgsl/device';
import { compare, describeComparison } from './comparison';
import { makeClip, openStorybook } from './storybook-clip';

/** Two of the model's steps on five small frames: what a software adapter does in seconds. */
const SPEC = { seed: 7, width: 32, height: 32, frames: 5, steps: 2, guidance: 4, sampler: 'euler', shift: 3 } as const;
const PROMPT = 'a red fox runs through the snow';

test('the bundled model, from prompt to pixels, is the same as on ONNX Runtime', async () => {
  const { executor, device } = await testExecutor();
  const wasm = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
  const [ours, theirs] = [await openStorybook(executor), await openStorybook(wasm)];
  try {
    device.pushErrorScope('validation');
    const clip = await makeClip(ours.pipeline, PROMPT, SPEC);
    expect(await device.popErrorScope()).toBeNull();
    await ours.pipeline.dispose();
    expect(executor.liveBuffers).toBe(0);
    const golden = await makeClip(theirs.pipeline, PROMPT, SPEC);
    const latents = compare('latents', clip.latents.data, { data: golden.latents.data }, { max: 2e-3, rms: 2e-4 });
    expect(latents.passed, describeComparison(latents)).toBe(true);
    expect(clip.pixels.length).toBe(golden.pixels.length);
    const worst = clip.pixels.reduce((most, level, i) => Math.max(most, Math.abs(level - golden.pixels[i]!)), 0);
    expect(worst).toBeLessThanOrEqual(1);
  } finally {
    await theirs.pipeline.dispose();
    await wasm.dispose();
    device.destroy();
  }
});
