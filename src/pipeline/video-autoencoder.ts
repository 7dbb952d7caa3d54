import { throwIfAborted } from '../errors';
import type { InputShape } from '../graph/bindings';
import { tensorBytes, withTensors, type ChainMemory } from '../graph/chain-memory';
import type { DeviceTensor, Executor } from '../graph/executor';
import type { Graph, WeightSource } from '../graph/types';
import { memoryShapes, taewDecoder, taewEncoder } from '../networks/taew';
import { decoderReach, encoderFrames, leadingFrames, spatialFactor, temporalFactor, type TaewLayout } from '../networks/taew-layout';
import { placeTile, planTiles, tileLatents } from './decode-tiles';
import { LazyChain } from './lazy-chain';
import { checkFrames, frameFromPlanes, writePlanes } from './pixels';
import { TensorScope } from './tensor-scope';
import type { CallOptions, DecodeOptions, Frame, Latents, PlanarFrame } from './types';

/** The autoencoder at work, one latent frame at a time: what its blocks remember goes from each run to the next. */
export class VideoAutoencoder {
  readonly decoder: LazyChain;
  readonly encoder: LazyChain;
  readonly layout: TaewLayout;
  readonly #executor: Executor;

  constructor(executor: Executor, weights: WeightSource, layout: TaewLayout) {
    this.#executor = executor;
    this.layout = layout;
    this.decoder = new LazyChain(executor, [taewDecoder(weights, layout)], weights);
    this.encoder = new LazyChain(executor, [taewEncoder(weights, layout)], weights);
  }

  /** Frames of latents, in time order; in squares of `tile` latent pixels where that is given, which takes less memory at once. */
  async *decode(latents: Latents, { signal, tile }: DecodeOptions = {}): AsyncGenerator<Frame, void, undefined> {
    const [channels, frames, h, w] = latents.shape;
    const scale = spatialFactor(this.layout);
    const [width, height] = [w * scale, h * scale];
    const size = 3 * width * height;
    let leading = leadingFrames(this.layout);
    const tiles = this.#tiles(latents, tile);
    const streams: Stream[] = [];
    try {
      for (const part of tiles) streams.push(await this.#open(this.decoder, part.height, part.width, signal));
      for (let t = 0; t < frames; t++) {
        let planes: Float32Array = new Float32Array(); // [4, 3, H, W]
        for (const [index, part] of tiles.entries()) {
          const given = tileLatents(latents, t, part);
          const made = await streams[index]!.run('latents', given, [1, channels, part.height, part.width], 'frames');
          if (tiles.length === 1) planes = made;
          else {
            if (index === 0) planes = new Float32Array((made.length / (part.height * part.width)) * h * w);
            placeTile(made, part, planes, h, w, scale);
          }
        }
        for (let at = 0; at < planes.length; at += size) {
          if (leading-- > 0) continue;
          yield frameFromPlanes(planes.subarray(at, at + size), width, height);
        }
      }
    } finally {
      for (const stream of streams) stream.close();
    }
  }

  /** As `decode`; frames that are decoded whole on a GPU come back as I420. */
  async *decodeForVideo(latents: Latents, options: DecodeOptions = {}): AsyncGenerator<Frame | PlanarFrame, void, undefined> {
    const toI420 = this.#executor.toI420?.bind(this.#executor);
    const [channels, frames, h, w] = latents.shape;
    const [whole, ...others] = this.#tiles(latents, options.tile);
    if (!toI420 || others.length > 0) return yield* this.decode(latents, options);
    const scale = spatialFactor(this.layout);
    const [width, height] = [w * scale, h * scale];
    const sizeBytes = (width * height * 3) / 2;
    let leading = leadingFrames(this.layout);
    const stream = await this.#open(this.decoder, h, w, options.signal);
    try {
      for (let t = 0; t < frames; t++) {
        const words = await stream.run('latents', tileLatents(latents, t, whole!), [1, channels, h, w], 'frames', toI420);
        const stride = words.byteLength / temporalFactor(this.layout);
        for (let at = 0; at < words.byteLength; at += stride) {
          if (leading-- > 0) continue;
          yield { width, height, planes: new Uint8Array(words.buffer as ArrayBuffer, words.byteOffset + at, sizeBytes).slice() };
        }
      }
    } finally {
      stream.close();
    }
  }

  /** What decoding latents of one shape will take on a GPU, its pictures and what blocks remember included; null where that is not known. */
  planMemory({ shape }: Pick<Latents, 'shape'>, tile?: number): ChainMemory | null {
    const [channels, , h, w] = shape;
    const tiles = this.#tiles({ shape }, tile);
    const { height, width } = tiles[0]!; // all of one size
    const f32 = (sizes: readonly number[]): InputShape => ({ shape: sizes, type: 'f32' });
    const memories = Object.entries(memoryShapes(this.decoder.graphs[0]!, height, width)).map(([name, sizes]): [string, InputShape] => [
      name,
      f32(sizes),
    ]);
    const latents = f32([1, channels, height, width]);
    const plan = this.decoder.planMemory({ ...Object.fromEntries(memories), latents });
    if (!plan) return null;
    const remembered = tiles.length * tensorBytes(memories.map(([, tensor]) => tensor));
    const pictures = tensorBytes([plan.outputs['frames']!]);
    const readBack =
      this.#executor.toI420 && tiles.length === 1
        ? (2 * (h * w * spatialFactor(this.layout) ** 2 * 3 * temporalFactor(this.layout))) / 2
        : pictures;
    return withTensors(plan, remembered + tensorBytes([latents]) + readBack);
  }

  async encode(frames: readonly Frame[], { signal }: CallOptions = {}): Promise<Latents> {
    const scale = spatialFactor(this.layout);
    const { width, height } = checkFrames(frames, scale);
    const [h, w, channels, factor] = [height / scale, width / scale, this.layout.latentChannels, temporalFactor(this.layout)];
    const order = encoderFrames(this.layout, frames.length);
    const count = order.length / factor;
    const data = new Float32Array(channels * count * h * w); // [C, T, h, w]
    const stream = await this.#open(this.encoder, h, w, signal);
    try {
      for (let t = 0; t < count; t++) {
        const planes = new Float32Array(factor * 3 * width * height); // [4, 3, H, W]
        for (let i = 0; i < factor; i++) writePlanes(frames[order[t * factor + i]!]!, planes, i * 3 * width * height);
        const latents = await stream.run('frames', planes, [factor, 3, height, width], 'latents'); // [1, C, h, w]
        for (let c = 0; c < channels; c++) data.set(latents.subarray(c * h * w, (c + 1) * h * w), (c * count + t) * h * w);
      }
    } finally {
      stream.close();
    }
    return { data, shape: [channels, count, h, w] };
  }

  async dispose(): Promise<void> {
    await this.decoder.dispose();
    await this.encoder.dispose();
  }

  async #open(network: LazyChain, h: number, w: number, signal: AbortSignal | undefined): Promise<Stream> {
    throwIfAborted(signal);
    const chain = await network.get({ signal });
    const scope = new TensorScope();
    let memories = zeroMemories(this.#executor, scope, network.graphs[0]!, h, w);
    return {
      run: async (input, values, shape, output, convert) => {
        throwIfAborted(signal);
        const given = scope.own(this.#executor.upload(values, shape));
        const { [output]: result, ...next } = scope.ownAll(await chain.run({ ...memories, [input]: given }));
        const converted = convert ? scope.own(await convert(result!)) : result!;
        const host = (await this.#executor.download(converted)) as Float32Array;
        memories = next;
        scope.retain(Object.values(memories));
        return host;
      },
      close: () => scope.dispose(),
    };
  }

  #tiles({ shape: [, , h, w] }: Pick<Latents, 'shape'>, tile: number | undefined) {
    return planTiles(h, w, tile ?? Math.max(h, w), decoderReach(this.layout));
  }
}

interface Stream {
  /** Runs on one latent frame (or what makes one) and copies the named output out, converted where that is asked for. */
  run(
    input: string,
    values: Float32Array,
    shape: readonly number[],
    output: string,
    convert?: (tensor: DeviceTensor) => Promise<DeviceTensor>,
  ): Promise<Float32Array>;
  close(): void;
}

function zeroMemories(executor: Executor, scope: TensorScope, graph: Graph, h: number, w: number): Record<string, DeviceTensor> {
  return Object.fromEntries(
    Object.entries(memoryShapes(graph, h, w)).map(([name, shape]) => {
      const zeros = new Float32Array(shape.reduce((product, size) => product * size, 1));
      return [name, scope.own(executor.upload(zeros, shape))];
    }),
  );
}
