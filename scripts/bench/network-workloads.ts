import type { HostTensor } from '../../src/graph/host-tensor';
import type { Graph, WeightSource } from '../../src/graph/types';
import { miniLm, miniLmInputs, parseMiniLmConfig } from '../../src/networks/minilm';
import { encoderFrames, type TaewLayout } from '../../src/networks/taew-layout';
import { memoryShapes, taewDecoder, taewEncoder } from '../../src/networks/taew';
import { autoencoderLayout } from '../../src/networks/autoencoder-layout';
import { parseWanConfig } from '../../src/networks/wan-config';
import { ropeTables, timestepSinusoid } from '../../src/networks/wan-tables';
import { wanStep, wanTokens } from '../../src/networks/wan-transformer';
import { latentShape } from '../../src/pipeline/latent-shape';
import type { Latents as LatentTensor } from '../../src/pipeline/types';
import { openWeights } from '../../src/weights/open-weights';
import { memorySource } from '../../src/weights/files/byte-source';

const CONTEXT_TOKENS = 48;

/** The model's default clip: pixels and frames. */
type Clip = Readonly<{ width: number; height: number; frames: number }>;
type Latents = LatentTensor['shape'];

/** A network with weights and inputs, ready to be timed. */
export interface Workload {
  readonly name: string;
  readonly graph: Graph;
  readonly weights: WeightSource;
  readonly inputs: Readonly<Record<string, HostTensor>>;
}

/** The bundled model's networks at the sizes of its default clip. `read` gives a file of its folder. */
export async function networkWorkloads(read: (name: string) => Promise<Uint8Array>): Promise<Workload[]> {
  const manifest = JSON.parse(new TextDecoder().decode(await read('manifest.json'))) as {
    files: { name: string; role: string }[];
    configs: { transformer: unknown; autoencoder: unknown; textEncoder: unknown };
    defaults: Clip;
  };
  const open = async (role: string) => {
    const file = manifest.files.find((entry) => entry.role === role)!;
    return openWeights(memorySource(await read(file.name)));
  };
  const [transformer, autoencoder, textEncoder] = [await open('transformer'), await open('autoencoder'), await open('text-encoder')];
  const layout = autoencoderLayout(autoencoder, manifest.configs.autoencoder);
  const clip = manifest.defaults;
  const latents = latentShape(clip, layout, parseWanConfig(manifest.configs.transformer).patch);
  return [
    ...[false, true].map((merged) => transformerStep(transformer, manifest.configs.transformer, latents, merged)),
    ...[15, 48].map((tokens) => textEncoding(textEncoder, manifest.configs.textEncoder, tokens)),
    ...decoding(autoencoder, layout, latents),
    encoding(autoencoder, layout, clip, latents),
  ];
}

function transformerStep(weights: WeightSource, json: unknown, latents: Latents, merged: boolean): Workload {
  const config = parseWanConfig(json);
  const { F, S } = wanTokens(config, latents, { merged });
  const [, frames, height, width] = latents;
  const rope = ropeTables(config, frames, height / config.patch, width / config.patch);
  const cross = Array.from({ length: config.layers }, (_, i) => [`crossK.${i}`, `crossV.${i}`]).flat();
  return {
    name: merged ? 'step-merged' : 'step',
    graph: wanStep(weights, config, { merged, grouping: 'whole' })[0]!,
    weights,
    inputs: {
      latents: noise(latents),
      sinusoid: f32(timestepSinusoid(Array<number>(F).fill(500), config.freqDim), [F, config.freqDim]),
      ropeCos: f32(rope.cos, [F, S, config.headDim / 2]),
      ropeSin: f32(rope.sin, [F, S, config.headDim / 2]),
      ...(config.positionEmbedding ? { places: noise([F, S, config.dim]) } : {}),
      ...Object.fromEntries(cross.map((name) => [name, noise([CONTEXT_TOKENS, config.dim])])),
    },
  };
}

function textEncoding(weights: WeightSource, json: unknown, tokens: number): Workload {
  const config = parseMiniLmConfig(json);
  const inputs = miniLmInputs(
    config,
    Array.from({ length: tokens }, (_, i) => 1000 + 37 * i),
  );
  const i32 = (data: Int32Array): HostTensor => ({ data, shape: [tokens], type: 'i32' });
  return {
    name: `minilm${tokens}`,
    graph: miniLm(weights, config),
    weights,
    inputs: { ids: i32(inputs.ids), positions: i32(inputs.positions) },
  };
}

function decoding(weights: WeightSource, layout: TaewLayout, latents: Latents): Workload[] {
  const graph = taewDecoder(weights, layout);
  const [channels, frames, height, width] = latents;
  return [frames, 1].map((count) => ({
    name: count === 1 ? 'decode1' : 'decode',
    graph,
    weights,
    inputs: { latents: noise([count, channels, height, width]), ...memories(graph, height, width) },
  }));
}

function encoding(weights: WeightSource, layout: TaewLayout, clip: Clip, latents: Latents): Workload {
  const graph = taewEncoder(weights, layout);
  const [, , height, width] = latents;
  const frames = encoderFrames(layout, clip.frames).length;
  return {
    name: 'encode',
    graph,
    weights,
    inputs: { frames: noise([frames, layout.imageChannels, clip.height, clip.width]), ...memories(graph, height, width) },
  };
}

function memories(graph: Graph, height: number, width: number): Record<string, HostTensor> {
  const shapes = Object.entries(memoryShapes(graph, height, width));
  return Object.fromEntries(shapes.map(([name, shape]) => [name, f32(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape)]));
}

function f32(data: Float32Array, shape: readonly number[]): HostTensor {
  return { data, shape, type: 'f32' };
}

/** Values between −1 and 1, the same ones every time. */
function noise(shape: readonly number[]): HostTensor {
  return f32(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 12.9898) * Math.cos(i * 0.37)),
    shape,
  );
}
