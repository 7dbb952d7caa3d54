import { expect, test } from 'vitest';
import { createOrtExecutor } from '../../src/backends/ort';
import type { Executor } from '../../src/graph/executor';
import { createPipeline } from '../../src/pipeline/create-pipeline';
import type { Latents } from '../../src/pipeline/types';
import { memorySource } from '../../src/weights/files/byte-source';
import { fileOfRole, parseManifest, type FileRole } from '../../src/weights/manifest';
import { openWeights } from '../../src/weights/open-weights';
import { testExecutor } from '../backends/wgsl/device';
import { compare, describeComparison } from './comparison';

/** Two of the model's steps on five small frames: what a software adapter does in seconds. */
const SPEC = { seed: 7, width: 32, height: 32, frames: 5, steps: 2, guidance: 4, sampler: 'euler', shift: 3 } as const;
const PROMPT = 'a red fox runs through the snow';

/** The bundled model's clip, and how much of it each executor made: from the prompt to pixels. */
async function makeClip(executor: Executor): Promise<{ latents: Latents; pixels: number[] }> {
  const manifest = parseManifest(await (await fetch('/models/storybook/manifest.json')).json());
  const bytes = async (role: FileRole) =>
    new Uint8Array(await (await fetch(`/models/storybook/${fileOfRole(manifest, role).name}`)).arrayBuffer());
  const open = async (role: FileRole) => openWeights(memorySource(await bytes(role)));
  const weights = {
    transformer: await open('transformer'),
    autoencoder: await open('autoencoder'),
    textEncoder: await open('text-encoder'),
  };
  const tokenizer: unknown = JSON.parse(new TextDecoder().decode(await bytes('tokenizer')));
  const pipeline = createPipeline({
    executors: { textEncoder: executor, transformer: executor, autoencoder: executor },
    model: { manifest, weights, tokenizer },
  });
  const context = await pipeline.encodePrompt(PROMPT);
  const uncond = await pipeline.encodePrompt('');
  try {
    const latents = await pipeline.denoise({ spec: SPEC, context, uncond });
    const pixels: number[] = [];
    for await (const { rgba } of pipeline.decode(latents)) for (const level of rgba) pixels.push(level);
    return { latents, pixels };
  } finally {
    context.dispose();
    uncond.dispose();
    await pipeline.dispose();
  }
}

test('the bundled model, from prompt to pixels, is the same as on ONNX Runtime', async () => {
  const { executor, device } = await testExecutor();
  const wasm = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
  try {
    device.pushErrorScope('validation');
    const ours = await makeClip(executor);
    expect(await device.popErrorScope()).toBeNull();
    expect(executor.liveBuffers).toBe(0);
    const theirs = await makeClip(wasm);
    const latents = compare('latents', ours.latents.data, { data: theirs.latents.data }, { max: 2e-3, rms: 2e-4 });
    expect(latents.passed, describeComparison(latents)).toBe(true);
    expect(ours.pixels.length).toBe(theirs.pixels.length);
    const worst = ours.pixels.reduce((most, level, i) => Math.max(most, Math.abs(level - theirs.pixels[i]!)), 0);
    expect(worst).toBeLessThanOrEqual(1);
  } finally {
    await wasm.dispose();
    device.destroy();
  }
});
