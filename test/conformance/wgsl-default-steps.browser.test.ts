/**
 * Whole clips of the bundled model at its own steps and guidance, from the prompt to pixels, on our kernels against ONNX Runtime on the CPU.
 * VITE_PARITY_PROMPTS is how many prompts to try at its own size and length too, 8 at most: a minute each on a software adapter. Else one prompt at
 * half the size and a third of the length: rounding has as many steps to grow in, and sizes are what parity tests of each kernel try.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOrtExecutor } from '../../src/backends/ort';
import type { Executor } from '../../src/graph/executor';
import type { DenoiseSpec } from '../../src/pipeline/types';
import { testExecutor } from '../backends/wgsl/device';
import { TOLERANCES } from './comparison';
import { makeClip, openStorybook } from './storybook-clip';

const WHOLE = import.meta.env.VITE_PARITY_PROMPTS as string | undefined;
const PROMPTS = [
  'a red fox runs through snow',
  'a small boat on the sea at sunset',
  'a yellow bird flies over a green field',
  'a robot walks through the city at night',
  'a blue fish swims in a pond',
  'a castle on a hill in the fog, watercolor',
  'a brown dog jumps on the beach',
  'a white rabbit in a forest, rain',
].slice(0, Number(WHOLE ?? 1));
const LEAST_DECIBELS = 40;

let opened: Awaited<ReturnType<typeof openStorybook>>[] = [];
let wasm: Executor;
let device: GPUDevice;
let spec: Omit<DenoiseSpec, 'seed'>;

beforeAll(async () => {
  const ours = await testExecutor();
  device = ours.device;
  wasm = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
  opened = [await openStorybook(ours.executor), await openStorybook(wasm)];
  spec = { ...opened[0]!.manifest.defaults, ...(WHOLE === undefined ? { width: 64, height: 64, frames: 9 } : {}) };
}, 120_000);
afterAll(async () => {
  for (const { pipeline } of opened) await pipeline.dispose();
  await wasm.dispose();
  device.destroy();
});

describe('a clip at the default steps, in exact', () => {
  it.each(PROMPTS)(
    '%s',
    async (prompt) => {
      const seed = 100 + PROMPTS.indexOf(prompt);
      const [ours, theirs] = [
        await makeClip(opened[0]!.pipeline, prompt, { ...spec, seed }),
        await makeClip(opened[1]!.pipeline, prompt, { ...spec, seed }),
      ];
      const { data } = theirs.latents;
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
      const worst = ours.latents.data.reduce((most, value, i) => Math.max(most, Math.abs(value - data[i]!)), 0) / deviation;
      const squared = ours.pixels.reduce((sum, level, i) => sum + (level - theirs.pixels[i]!) ** 2, 0);
      const decibels = squared === 0 ? Infinity : 10 * Math.log10((255 ** 2 * ((3 / 4) * ours.pixels.length)) / squared); // alpha is always equal
      console.log(`${prompt}: latents ${worst.toExponential(1)} of their deviation at most, frames ${decibels.toFixed(1)} dB`);
      expect(worst).toBeLessThanOrEqual(TOLERANCES.f32.latents.max);
      expect(decibels).toBeGreaterThanOrEqual(LEAST_DECIBELS);
    },
    240_000,
  );
});
