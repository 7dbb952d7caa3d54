import { invalidGraph } from '../graph/errors';
import type { WeightSource } from '../graph/types';
import { ConfigReader } from './config-reader';

/**
 * One module of an autoencoder; its place in the list is its number in the weights' names (`decoder.7.conv.weight`), inside a sum after
 * the branch's (`decoder.0.1.2.conv.0.weight`).
 */
export type TaewModule =
  | { readonly kind: 'soft-clamp' } // 3 · tanh(x / 3)
  | { readonly kind: 'relu' }
  | { readonly kind: 'conv'; readonly stride: number; readonly bias: boolean; readonly padding: number }
  | { readonly kind: 'memory-block' } // a frame and the one before it
  | { readonly kind: 'upsample'; readonly factor: number }
  | { readonly kind: 'grow'; readonly stride: number } // TGrow: 1 frame to `stride`
  | { readonly kind: 'pool'; readonly stride: number } // TPool: `stride` frames to 1
  | { readonly kind: 'time-to-channels' | 'channels-to-time'; readonly stride: number } // TPool and TGrow without their convolutions
  | { readonly kind: 'pixel-shuffle' | 'pixel-unshuffle'; readonly factor: number }
  /** Every branch gets the same input, and their outputs are added; an empty branch is the identity. */
  | { readonly kind: 'sum'; readonly branches: readonly (readonly TaewModule[])[] };

/** A video autoencoder of TAEHV's type, as data. */
export interface TaewLayout {
  readonly latentChannels: number;
  /** 3: red, green, blue. */
  readonly imageChannels: number;
  /** Pixels on the side of the squares that are shuffled into channels. */
  readonly patch: number;
  readonly encoder: readonly TaewModule[];
  readonly decoder: readonly TaewModule[];
  /** Where a clip of 4n + 1 frames gets its 3 missing ones before encoding: copies of the first in front, or of the last behind. */
  readonly encoderPadding: 'first' | 'last';
}

const conv = (stride = 1, bias = true): TaewModule => ({ kind: 'conv', stride, bias, padding: 1 }); // 3 × 3
const relu: TaewModule = { kind: 'relu' };
const memory: TaewModule = { kind: 'memory-block' };
const repeat = (module: TaewModule, times: number): TaewModule[] => new Array<TaewModule>(times).fill(module);

/**
 * TAEHV's taew2_1 and taew2_2 (github.com/madebyollin/taehv at 1f14a56, MIT), which decode the latents of Wan2.1 and
 * of Wan2.2-TI2V. Both have the same modules; latent channels and patch are read from the weights' shapes.
 */
export function taehvLayout(weights: WeightSource): TaewLayout {
  const latentChannels = weights.info('decoder.1.weight').shape[1]!;
  const imageChannels = 3;
  const patch = Math.sqrt(weights.info('decoder.22.weight').shape[0]! / imageChannels);
  if (!Number.isInteger(patch)) throw invalidGraph('decoder.22.weight does not give whole pixels: this is not a TAEHV autoencoder.');
  const stage = (growth: number): TaewModule[] => [
    ...repeat(memory, 3),
    { kind: 'upsample', factor: 2 },
    { kind: 'grow', stride: growth },
    conv(1, false),
  ];
  const step = (pooling: number): TaewModule[] => [{ kind: 'pool', stride: pooling }, conv(2, false), ...repeat(memory, 3)];
  return {
    latentChannels,
    imageChannels,
    patch,
    decoder: [{ kind: 'soft-clamp' }, conv(), relu, ...stage(1), ...stage(2), ...stage(2), relu, conv()],
    encoder: [conv(), relu, ...step(2), ...step(2), ...step(1), conv()],
    encoderPadding: 'last',
  };
}

/** The layout of a TinyVideoAutoencoder, from its autoencoder_config.json. Throws `invalid-file`. */
export function tinyVideoLayout(json: unknown): TaewLayout {
  const config = new ConfigReader('The autoencoder configuration', json);
  config.only('_class', 'TinyVideoAutoencoder');
  const stages = config.positiveIntegerLists('decoder_stages', 4) as readonly [number, number, number, number][];
  const steps = config.positiveIntegerLists('encoder_stages', 4) as readonly [number, number, number, number][];
  const [, stemBlocks] = config.positiveIntegers('decoder_stem', 2) as [number, number];
  return {
    latentChannels: config.positiveInteger('latent_channels'),
    imageChannels: config.positiveInteger('image_channels'),
    patch: config.positiveInteger('patch_size'),
    decoder: [
      { kind: 'soft-clamp' },
      conv(),
      relu,
      ...repeat(memory, stemBlocks),
      ...stages.flatMap(([factor, stride, , blocks]): TaewModule[] => [
        { kind: 'upsample', factor },
        { kind: 'grow', stride },
        conv(1, false),
        ...repeat(memory, blocks),
      ]),
      relu,
      conv(),
    ],
    encoder: [
      conv(),
      relu,
      ...steps.flatMap(([pooling, stride, , blocks]): TaewModule[] => [
        { kind: 'pool', stride: pooling },
        conv(stride, false),
        ...repeat(memory, blocks),
      ]),
      conv(),
    ],
    encoderPadding: 'first',
  };
}

/** Frames per latent frame (4 for all models here). */
export function temporalFactor(layout: TaewLayout): number {
  return growth(layout.decoder, (module) => (module.kind === 'grow' || module.kind === 'channels-to-time' ? module.stride : 1));
}

/** Pixels per latent pixel (8 or 16). */
export function spatialFactor(layout: TaewLayout): number {
  return (
    layout.patch * growth(layout.decoder, (module) => (module.kind === 'upsample' || module.kind === 'pixel-shuffle' ? module.factor : 1))
  );
}

/**
 * Latent pixels on either side of a decoded pixel that can change it: what a piece of a picture needs round it to be decoded alone. Each 3 × 3
 * convolution sees one pixel further, at its own scale. Frames before reach no further: a memory holds the input of its own block.
 */
export function decoderReach(layout: TaewLayout): number {
  return Math.ceil((layout.patch * pixelsReached(layout.decoder, 0)) / spatialFactor(layout));
}

/** How far from its edge a picture's pixels see beyond it, after these modules, when they saw `before` pixels beyond it until then. */
function pixelsReached(modules: readonly TaewModule[], before: number): number {
  return modules.reduce((reach, module): number => {
    switch (module.kind) {
      case 'conv':
        return reach + module.padding;
      case 'memory-block':
        return reach + 3; // three convolutions, one after the other
      case 'upsample':
      case 'pixel-shuffle':
        return reach * module.factor;
      case 'sum':
        return Math.max(...module.branches.map((branch) => pixelsReached(branch, reach)));
      default:
        return reach; // pixel by pixel
    }
  }, before);
}

/** By how much a chain of modules grows its input; the branches of a sum all grow it alike, or they could not be added. */
function growth(modules: readonly TaewModule[], factor: (module: TaewModule) => number): number {
  return modules.reduce((product, module) => product * (module.kind === 'sum' ? growth(module.branches[0]!, factor) : factor(module)), 1);
}

/** Decoded frames that come before a clip's first: n + 1 latent frames give 4n + 4 frames, of which the clip is the last 4n + 1. */
export function leadingFrames(layout: TaewLayout): number {
  return temporalFactor(layout) - 1;
}

/** Which frames of a clip go into the encoder, in order: the clip's own, and copies up to a multiple of the temporal factor. */
export function encoderFrames(layout: TaewLayout, frames: number): number[] {
  const factor = temporalFactor(layout);
  const missing = (factor - (frames % factor)) % factor;
  const own = Array.from({ length: frames }, (_, frame) => frame);
  return layout.encoderPadding === 'first'
    ? [...new Array<number>(missing).fill(0), ...own]
    : [...own, ...new Array<number>(missing).fill(frames - 1)];
}
