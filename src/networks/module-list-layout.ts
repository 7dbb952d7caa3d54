import { ConfigReader } from './config-reader';
import type { TaewLayout, TaewModule } from './taew-layout';

/** Deeper lists than the networks here need are refused: a file may not choose how deep the reader recurses. */
const MAX_DEPTH = 4;
const MAX_MODULES = 200;

/**
 * The layout of a ModuleListAutoencoder, from its autoencoder_config.json: its `encoder` and `decoder` are lists of modules, described
 * at the head of training/storybook/autoencoder.py. Throws `invalid-file`.
 */
export function moduleListLayout(json: unknown): TaewLayout {
  const config = new ConfigReader('The autoencoder configuration', json);
  config.only('_class', 'ModuleListAutoencoder');
  return {
    latentChannels: config.positiveInteger('latent_channels'),
    imageChannels: config.positiveInteger('image_channels'),
    patch: 1, // the lists have their own shuffles
    encoder: readModules(config, 'encoder', MAX_DEPTH),
    decoder: readModules(config, 'decoder', MAX_DEPTH),
    encoderPadding: 'first',
  };
}

function readModules(config: ConfigReader, key: string, depth: number): TaewModule[] {
  return config.objects(key, MAX_MODULES).map((entry) => readModule(entry, depth));
}

function readModule(entry: ConfigReader, depth: number): TaewModule {
  switch (entry.text('type')) {
    case 'relu':
      return { kind: 'relu' };
    case 'conv': {
      const kernel = entry.positiveInteger('kernel');
      if (kernel % 2 === 0) throw entry.wrong('kernel', 'an odd number');
      return { kind: 'conv', stride: 1, bias: entry.flag('bias'), padding: (kernel - 1) / 2 };
    }
    case 'memblock':
      return { kind: 'memory-block' };
    case 'time_to_channels':
      return { kind: 'time-to-channels', stride: entry.positiveInteger('stride') };
    case 'channels_to_time':
      return { kind: 'channels-to-time', stride: entry.positiveInteger('stride') };
    case 'pixel_shuffle':
      return { kind: 'pixel-shuffle', factor: entry.positiveInteger('factor') };
    case 'pixel_unshuffle':
      return { kind: 'pixel-unshuffle', factor: entry.positiveInteger('factor') };
    case 'sum': {
      if (depth === 0) throw entry.wrong('branches', `lists that nest at most ${MAX_DEPTH} deep`);
      return {
        kind: 'sum',
        branches: entry.objectLists('branches', MAX_MODULES).map((branch) => branch.map((inner) => readModule(inner, depth - 1))),
      };
    }
    default:
      throw entry.wrong('type', 'one of relu, conv, memblock, time_to_channels, channels_to_time, pixel_shuffle, pixel_unshuffle, sum');
  }
}
