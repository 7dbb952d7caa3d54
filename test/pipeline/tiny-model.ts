import type { WeightSource } from '../../src/graph/types';
import type { PipelineModel } from '../../src/pipeline/types';
import { randomWeights } from '../graph/memory-weights';

const D = 12;
const CHANNELS = 4;
const TEXT = 8;
const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'a', 'fox', 'runs', 'through', 'deep', 'snow', '##s', '.'];

/**
 * A whole model of random weights, small enough for the reference executor: pixels are 4 × 4 and 2 frames a latent one, so a clip of 8 × 8
 * and 5 frames has latents [4, 3, 2, 2].
 */
export function tinyModel(changes: Partial<PipelineModel['manifest']> = {}): PipelineModel {
  return {
    manifest: {
      configs: { transformer: TRANSFORMER, autoencoder: AUTOENCODER, textEncoder: TEXT_ENCODER },
      text: { encoder: 'minilm', length: 6, empty: '' },
      timesteps: 'per latent frame',
      latentRgb: {
        matrix: [0, 1, 2].map((colour) => Array.from({ length: CHANNELS }, (_, c) => (c === colour ? 0.5 : 0))),
        bias: [0.5, 0.5, 0.5],
      },
      ...changes,
    },
    weights: { transformer: transformerWeights(), autoencoder: autoencoderWeights(), textEncoder: textEncoderWeights() },
    tokenizer: TOKENIZER,
  };
}

const TRANSFORMER = {
  patch_size: [1, 2, 2],
  num_attention_heads: 1,
  attention_head_dim: D,
  in_channels: CHANNELS,
  out_channels: CHANNELS,
  text_dim: TEXT,
  freq_dim: 8,
  ffn_dim: 10,
  num_layers: 1,
  cross_attn_norm: true,
  qk_norm: 'rms_norm_across_heads',
  eps: 1e-6,
  rope_max_seq_len: 16,
};

const AUTOENCODER = {
  _class: 'TinyVideoAutoencoder',
  image_channels: 3,
  latent_channels: CHANNELS,
  patch_size: 4,
  encoder_stem: 6,
  encoder_stages: [[2, 1, 5, 1]],
  decoder_stem: [5, 1],
  decoder_stages: [[1, 2, 6, 1]],
};

const TEXT_ENCODER = {
  model_type: 'bert',
  hidden_size: TEXT,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 12,
  hidden_act: 'gelu',
  max_position_embeddings: 16,
  layer_norm_eps: 1e-12,
};

const special = (content: string) => ({
  id: WORDS.indexOf(content),
  content,
  special: true,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
});
const TOKENIZER = {
  added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]'].map(special),
  normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [],
    special_tokens: {},
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
  },
};

type Shapes = Record<string, readonly number[]>;

function linear(shapes: Shapes, name: string, out: number, ...rest: number[]): void {
  shapes[`${name}.weight`] = [out, ...rest];
  shapes[`${name}.bias`] = [out];
}

function transformerWeights(): WeightSource {
  const shapes: Shapes = { scale_shift_table: [1, 2, D], 'blocks.0.scale_shift_table': [1, 6, D] };
  linear(shapes, 'patch_embedding', D, CHANNELS, 1, 2, 2);
  linear(shapes, 'condition_embedder.text_embedder.linear_1', D, TEXT);
  linear(shapes, 'condition_embedder.text_embedder.linear_2', D, D);
  linear(shapes, 'condition_embedder.time_embedder.linear_1', D, TRANSFORMER.freq_dim);
  linear(shapes, 'condition_embedder.time_embedder.linear_2', D, D);
  linear(shapes, 'condition_embedder.time_proj', 6 * D, D);
  linear(shapes, 'proj_out', CHANNELS * 4, D);
  shapes['blocks.0.norm2.weight'] = shapes['blocks.0.norm2.bias'] = [D];
  for (const attention of ['blocks.0.attn1', 'blocks.0.attn2']) {
    for (const part of ['to_q', 'to_k', 'to_v', 'to_out.0']) linear(shapes, `${attention}.${part}`, D, D);
    shapes[`${attention}.norm_q.weight`] = shapes[`${attention}.norm_k.weight`] = [D];
  }
  linear(shapes, 'blocks.0.ffn.net.0.proj', TRANSFORMER.ffn_dim, D);
  linear(shapes, 'blocks.0.ffn.net.2', D, TRANSFORMER.ffn_dim);
  return randomWeights(shapes, 11);
}

function autoencoderWeights(): WeightSource {
  const shapes: Shapes = {};
  const memoryBlock = (name: string, width: number): void => {
    for (const [part, inputs] of [
      [0, 2 * width],
      [2, width],
      [4, width],
    ] as const)
      linear(shapes, `${name}.conv.${part}`, width, inputs, 3, 3);
  };
  linear(shapes, 'encoder.0', 6, 48, 3, 3);
  shapes['encoder.2.conv.weight'] = [6, 12, 1, 1];
  shapes['encoder.3.weight'] = [5, 6, 3, 3];
  memoryBlock('encoder.4', 5);
  linear(shapes, 'encoder.5', CHANNELS, 5, 3, 3);
  linear(shapes, 'decoder.1', 5, CHANNELS, 3, 3);
  memoryBlock('decoder.3', 5);
  shapes['decoder.5.conv.weight'] = [10, 5, 1, 1];
  shapes['decoder.6.weight'] = [6, 5, 3, 3];
  memoryBlock('decoder.7', 6);
  linear(shapes, 'decoder.9', 48, 6, 3, 3);
  return randomWeights(shapes, 12);
}

function textEncoderWeights(): WeightSource {
  const shapes: Shapes = {
    'embeddings.word_embeddings.weight': [WORDS.length, TEXT],
    'embeddings.position_embeddings.weight': [TEXT_ENCODER.max_position_embeddings, TEXT],
    'embeddings.token_type_embeddings.weight': [2, TEXT],
  };
  const layer = 'encoder.layer.0';
  for (const norm of ['embeddings.LayerNorm', `${layer}.attention.output.LayerNorm`, `${layer}.output.LayerNorm`])
    shapes[`${norm}.weight`] = shapes[`${norm}.bias`] = [TEXT];
  for (const part of ['attention.self.query', 'attention.self.key', 'attention.self.value', 'attention.output.dense'])
    linear(shapes, `${layer}.${part}`, TEXT, TEXT);
  linear(shapes, `${layer}.intermediate.dense`, TEXT_ENCODER.intermediate_size, TEXT);
  linear(shapes, `${layer}.output.dense`, TEXT, TEXT_ENCODER.intermediate_size);
  return randomWeights(shapes, 13);
}
