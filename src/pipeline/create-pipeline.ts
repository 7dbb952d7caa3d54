import { KinoraError } from '../errors';
import type { CompileOptions } from '../graph/executor';
import { autoencoderLayout } from '../networks/autoencoder-layout';
import { decoderReach } from '../networks/taew-layout';
import { parseWanConfig } from '../networks/wan-config';
import { denoise } from './denoise';
import { planJobMemory } from './job-memory';
import { latentShape } from './latent-shape';
import { PromptEncoder } from './prompt-encoder';
import type { CreatePipeline, EncodedPrompt, Pipeline } from './types';
import { VelocityModel, type CrossAttention } from './velocity-model';
import { VideoAutoencoder } from './video-autoencoder';

/**
 * The path from a prompt to frames on given executors. Networks are compiled when first used, or by `load`, and
 * kept. Throws `invalid-file` when configurations and weights do not fit each other.
 */
export const createPipeline: CreatePipeline = ({ executors, model }): Pipeline => {
  const { manifest, weights } = model;
  const config = parseWanConfig(manifest.configs.transformer);
  const autoencoder = new VideoAutoencoder(
    executors.autoencoder,
    weights.autoencoder,
    autoencoderLayout(weights.autoencoder, manifest.configs.autoencoder),
  );
  const encoder = new PromptEncoder(executors.textEncoder, model);
  const transformer = new VelocityModel({
    executor: executors.transformer,
    weights: weights.transformer,
    config,
    merged: manifest.timesteps === 'one',
  });
  const { latentRgb, sigmaGrids, sigmaData } = manifest;
  const setting = { executor: executors.transformer, model: transformer, latentRgb, sigmaGrids, sigmaData };
  if (autoencoder.layout.latentChannels !== config.inChannels)
    throw new KinoraError(
      'invalid-file',
      "The model's transformer and autoencoder do not fit each other.",
      'Use files that belong together.',
    );

  const cross = new WeakMap<EncodedPrompt, Promise<CrossAttention>>();
  const crossOf = (prompt: EncodedPrompt, signal: AbortSignal | undefined): Promise<CrossAttention> => {
    const known = cross.get(prompt);
    if (known) return known;
    const made = transformer.crossAttention(prompt.context, { signal });
    cross.set(prompt, made);
    made.catch(() => cross.delete(prompt)); // the caller sees the failure; the next call tries again
    return made;
  };

  return {
    load: (options = {}) => loadAll([encoder.chain, ...transformer.chains, autoencoder.decoder], options),

    encodePrompt: async (text, options) => {
      const { length, empty } = manifest.text;
      const { ids, truncated, states, width } = await encoder.encode(text.trim() === '' ? empty : text, length, options);
      const context = new Float32Array(length * width); // zero rows after the last token
      context.set(states);
      const prompt: EncodedPrompt = {
        tokens: ids.length,
        truncated,
        context,
        dispose: () => {
          const made = cross.get(prompt);
          cross.delete(prompt);
          made?.then(
            (tensors) => Object.values(tensors).forEach((tensor) => tensor.dispose()),
            () => undefined, // it failed, so there is nothing to release
          );
        },
      };
      return prompt;
    },

    embed: (text, options) => encoder.embed(text, manifest.text.length, options),

    latentShape: (spec) => latentShape(spec, autoencoder.layout, config.patch),

    planMemory: (spec, [prompt, negativePrompt], { tile } = {}) => {
      const { length, empty } = manifest.text;
      const prompts = (spec.guidance === 1 ? [prompt] : [prompt, negativePrompt]).map((text) => (text.trim() === '' ? empty : text));
      return planJobMemory(
        { executors, encoder, transformer, autoencoder },
        { spec, shape: latentShape(spec, autoencoder.layout, config.patch), prompts, contextRows: length, tile },
      );
    },

    denoise: async ({ context, uncond, ...request }) => {
      const shape = latentShape(request.spec, autoencoder.layout, config.patch);
      const guided = request.spec.guidance !== 1;
      return denoise(setting, {
        ...request,
        shape,
        cond: await crossOf(context, request.signal),
        uncond: guided && uncond ? await crossOf(uncond, request.signal) : undefined,
      });
    },

    decode: (latents, options) => autoencoder.decode(latents, options),
    decodeForVideo: (latents, options) => autoencoder.decodeForVideo(latents, options),
    encodeFrames: (frames, options) => autoencoder.encode(frames, options),

    decoderReach: decoderReach(autoencoder.layout),
    keepOnly: async (network) => {
      if (network !== 'textEncoder') await encoder.chain.dispose();
      if (network !== 'transformer') await transformer.dispose();
      if (network !== 'autoencoder') await autoencoder.dispose();
    },

    dispose: async () => {
      await encoder.chain.dispose();
      await transformer.dispose();
      await autoencoder.dispose();
    },
  };
};

interface Loadable {
  readonly loadBytes: number;
  get(options: CompileOptions): Promise<unknown>;
}

/** One after the other: two networks being packed at once would need both their copies in memory. */
async function loadAll(networks: readonly Loadable[], { signal, onProgress }: CompileOptions): Promise<void> {
  const totalBytes = networks.reduce((sum, { loadBytes }) => sum + loadBytes, 0);
  let before = 0;
  for (const network of networks) {
    await network.get({
      signal,
      onProgress: (loadedBytes) => onProgress?.(before + Math.min(loadedBytes, network.loadBytes), totalBytes),
    });
    before += network.loadBytes;
    onProgress?.(before, totalBytes);
  }
}
