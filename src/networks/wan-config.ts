import { ConfigReader } from './config-reader';

/** What tells one Wan diffusion transformer from another. */
export interface WanConfig {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  /** heads · headDim. */
  readonly dim: number;
  readonly ffnDim: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Latent pixels on the side of a patch; a patch is one latent frame deep. */
  readonly patch: number;
  /** Width of the context's rows, as the text encoder gives them. */
  readonly textDim: number;
  /** Width of the timestep's sinusoid. */
  readonly freqDim: number;
  readonly eps: number;
  /** Positions that rotary embedding has on each axis: patches in time, height and width. */
  readonly maxPositions: number;
  /** Whether tokens are told their place besides, by a linear map of rotary embedding's tables: storybook's, not Wan's. */
  readonly positionEmbedding: boolean;
}

/** Reads diffusers' transformer/config.json (class WanTransformer3DModel). Throws `invalid-file` on variants without code here. */
export function parseWanConfig(json: unknown): WanConfig {
  const config = new ConfigReader('The transformer configuration', json);
  const [depth, patch, width] = config.positiveIntegers('patch_size', 3) as [number, number, number];
  if (depth !== 1 || patch !== width) throw config.wrong('patch_size', '1 and twice the same number');
  config.only('cross_attn_norm', true);
  config.only('qk_norm', 'rms_norm_across_heads');
  config.only('added_kv_proj_dim', null);
  config.only('image_dim', null);
  config.only('pos_embed_seq_len', null);
  const heads = config.positiveInteger('num_attention_heads');
  const headDim = config.positiveInteger('attention_head_dim');
  return {
    layers: config.positiveInteger('num_layers'),
    heads,
    headDim,
    dim: heads * headDim,
    ffnDim: config.positiveInteger('ffn_dim'),
    inChannels: config.positiveInteger('in_channels'),
    outChannels: config.positiveInteger('out_channels'),
    patch,
    textDim: config.positiveInteger('text_dim'),
    freqDim: config.positiveInteger('freq_dim'),
    eps: config.positiveNumber('eps'),
    maxPositions: config.positiveInteger('rope_max_seq_len'),
    positionEmbedding: config.optionalFlag('rope_position_embedding'),
  };
}
