import type { Executor } from '../../src/graph/executor';
import { createPipeline } from '../../src/pipeline/create-pipeline';
import type { DenoiseSpec, Latents, Pipeline } from '../../src/pipeline/types';
import { memorySource } from '../../src/weights/files/byte-source';
import { fileOfRole, parseManifest, type FileRole, type ModelManifest } from '../../src/weights/manifest';
import { openWeights } from '../../src/weights/open-weights';

/** The bundled model, served beside the tests, on one executor. */
export async function openStorybook(executor: Executor): Promise<{ manifest: ModelManifest; pipeline: Pipeline }> {
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
  const executors = { textEncoder: executor, transformer: executor, autoencoder: executor };
  return { manifest, pipeline: createPipeline({ executors, model: { manifest, weights, tokenizer } }) };
}

/** A clip, from the prompt to pixels: RGBA levels of all frames. */
export async function makeClip(
  pipeline: Pipeline,
  prompt: string,
  spec: DenoiseSpec,
): Promise<{ latents: Latents; pixels: Uint8ClampedArray }> {
  const context = await pipeline.encodePrompt(prompt);
  const uncond = await pipeline.encodePrompt('');
  try {
    const latents = await pipeline.denoise({ spec, context, uncond });
    const frames: Uint8ClampedArray[] = [];
    for await (const { rgba } of pipeline.decode(latents)) frames.push(rgba);
    const pixels = new Uint8ClampedArray(frames.reduce((size, { length }) => size + length, 0));
    frames.reduce((at, frame) => (pixels.set(frame, at), at + frame.length), 0);
    return { latents, pixels };
  } finally {
    context.dispose();
    uncond.dispose();
  }
}
