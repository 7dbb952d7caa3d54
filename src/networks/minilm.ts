import { KinoraError } from '../errors';
import { GraphBuilder } from '../graph/builder';
import type { Graph, Value, WeightSource } from '../graph/types';
import type { WeightScope } from '../graph/weight-scope';
import { ConfigReader } from './config-reader';

/*
 * all-MiniLM-L6-v2: a BERT encoder (Devlin et al., 2018), as transformers' BertModel computes it and with its
 * weight names. One text at a time, without padding, so that there is no mask.
 */

export interface MiniLmConfig {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxPositions: number;
  readonly eps: number;
}

/** Reads a BERT config.json. Throws `invalid-file` on variants without code here. */
export function parseMiniLmConfig(json: unknown): MiniLmConfig {
  const config = new ConfigReader('The text encoder configuration', json);
  config.only('hidden_act', 'gelu'); // the exact, erf one
  config.only('position_embedding_type', 'absolute');
  return {
    width: config.positiveInteger('hidden_size'),
    layers: config.positiveInteger('num_hidden_layers'),
    heads: config.positiveInteger('num_attention_heads'),
    maxPositions: config.positiveInteger('max_position_embeddings'),
    eps: config.positiveNumber('layer_norm_eps'),
  };
}

/** The graph's inputs for a text's token ids, [CLS] and [SEP] included. Throws `invalid-spec` for a text that is too long. */
export function miniLmInputs(config: MiniLmConfig, ids: readonly number[]): { ids: Int32Array; positions: Int32Array } {
  if (ids.length === 0 || ids.length > config.maxPositions)
    throw new KinoraError(
      'invalid-spec',
      `A text of ${ids.length} tokens does not fit the text encoder, which takes 1 to ${config.maxPositions}.`,
      'Shorten the prompt.',
    );
  return { ids: Int32Array.from(ids), positions: Int32Array.from(ids.keys()) };
}

/** `ids` i32 [L], `positions` i32 [L] (0, 1, …) → `states` [L, width]: the last layer's token states. */
export function miniLm(weights: WeightSource, config: MiniLmConfig, options: { readonly taps?: boolean } = {}): Graph {
  const g = new GraphBuilder('minilm', weights, options);
  const w = g.weights.at('embeddings');
  const words = w.embedding(g.input('ids', ['L'], 'i32'), 'word_embeddings'); // [L, width]
  const places = w.embedding(g.input('positions', ['L'], 'i32'), 'position_embeddings');
  const type = g.slice(w.weight('token_type_embeddings.weight'), 0, 0, 1); // [1, width]: a single text is all of type 0
  let x = w.layerNorm(g.add(g.add(words, type), places), 'LayerNorm', config.eps);
  g.tap('embeddings', x);
  for (let i = 0; i < config.layers; i++) {
    x = layer(g, g.weights.at('encoder', 'layer', i), config, x);
    g.tap(`layer${i}.out`, x);
  }
  g.output('states', x);
  return g.build();
}

/** Post-norm transformer layer, [L, width] → [L, width]. */
function layer(g: GraphBuilder, w: WeightScope, { heads, width, eps }: MiniLmConfig, x: Value): Value {
  const self = w.at('attention', 'self');
  const mixed = g.attention(self.linear(x, 'query'), self.linear(x, 'key'), self.linear(x, 'value'), {
    heads,
    scale: 1 / Math.sqrt(width / heads),
  });
  x = w.layerNorm(g.add(w.linear(mixed, 'attention.output.dense'), x), 'attention.output.LayerNorm', eps);
  const wide = g.gelu(w.linear(x, 'intermediate.dense'), 'none');
  return w.layerNorm(g.add(w.linear(wide, 'output.dense'), x), 'output.LayerNorm', eps);
}

/** A text's place among texts: the mean of its token states [L, width], scaled to length 1. */
export function sentenceEmbedding(states: Float32Array, width: number): Float32Array {
  const sums = new Float64Array(width);
  for (let i = 0; i < states.length; i++) sums[i % width]! += states[i]!;
  const length = Math.hypot(...sums);
  return Float32Array.from(sums, (sum) => sum / length);
}
