import type { WeightSource } from '../graph/types';
import { moduleListLayout } from './module-list-layout';
import { taehvLayout, tinyVideoLayout, type TaewLayout } from './taew-layout';

/**
 * The layout that an autoencoder_config.json names by its `_class`; without one that is known here, TAEHV's, read off its weights.
 * Throws `invalid-file` where configuration or weights do not fit.
 */
export function autoencoderLayout(weights: WeightSource, json: unknown): TaewLayout {
  switch ((json as { _class?: unknown } | null)?._class) {
    case 'TinyVideoAutoencoder':
      return tinyVideoLayout(json);
    case 'ModuleListAutoencoder':
      return moduleListLayout(json);
    default:
      return taehvLayout(weights);
  }
}
