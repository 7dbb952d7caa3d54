import { invalidFile, quoteName } from './files/tensor-file';

/**
 * One network, several naming schemes. Canonical are diffusers' names for Wan and Hugging Face's for text
 * encoders; files by Wan, ComfyUI, rCM, llama.cpp and the GGUF converters are mapped to these.
 */

/** What checkpoints put before every name: ComfyUI's, and training code's. */
const PREFIXES = ['model.diffusion_model.', 'diffusion_model.', 'net.', 'module.'];

/** Original Wan stem to diffusers' (scripts/convert_wan_to_diffusers.py in diffusers 0.42). */
const WAN_STEMS = new Map([
  ['text_embedding.0', 'condition_embedder.text_embedder.linear_1'],
  ['text_embedding.2', 'condition_embedder.text_embedder.linear_2'],
  ['time_embedding.0', 'condition_embedder.time_embedder.linear_1'],
  ['time_embedding.2', 'condition_embedder.time_embedder.linear_2'],
  ['time_projection.1', 'condition_embedder.time_proj'],
  ['head.head', 'proj_out'],
]);
const WAN_BLOCK_STEMS = new Map([
  ...attentionStems('self_attn', 'attn1'),
  ...attentionStems('cross_attn', 'attn2'),
  // The names cross over: original norm3 is diffusers' norm2; the other norms have no weights.
  ['norm3', 'norm2'],
  ['ffn.0', 'ffn.net.0.proj'],
  ['ffn.2', 'ffn.net.2'],
]);

function attentionStems(original: string, canonical: string): [string, string][] {
  const parts = [
    ['q', 'to_q'],
    ['k', 'to_k'],
    ['v', 'to_v'],
    ['o', 'to_out.0'],
    ['norm_q', 'norm_q'],
    ['norm_k', 'norm_k'],
  ];
  return parts.map(([from, to]) => [`${original}.${from}`, `${canonical}.${to}`]);
}

/** llama.cpp's t5encoder and Wan's own .pth, both to Hugging Face's UMT5. */
const T5_BLOCK_STEMS = new Map([
  ['attn_norm', 'layer.0.layer_norm'],
  ['attn_q', 'layer.0.SelfAttention.q'],
  ['attn_k', 'layer.0.SelfAttention.k'],
  ['attn_v', 'layer.0.SelfAttention.v'],
  ['attn_o', 'layer.0.SelfAttention.o'],
  ['attn_rel_b', 'layer.0.SelfAttention.relative_attention_bias'],
  ['ffn_norm', 'layer.1.layer_norm'],
  ['ffn_gate', 'layer.1.DenseReluDense.wi_0'],
  ['ffn_up', 'layer.1.DenseReluDense.wi_1'],
  ['ffn_down', 'layer.1.DenseReluDense.wo'],
  ['norm1', 'layer.0.layer_norm'],
  ['attn.q', 'layer.0.SelfAttention.q'],
  ['attn.k', 'layer.0.SelfAttention.k'],
  ['attn.v', 'layer.0.SelfAttention.v'],
  ['attn.o', 'layer.0.SelfAttention.o'],
  ['pos_embedding.embedding', 'layer.0.SelfAttention.relative_attention_bias'],
  ['norm2', 'layer.1.layer_norm'],
  ['ffn.gate.0', 'layer.1.DenseReluDense.wi_0'],
  ['ffn.fc1', 'layer.1.DenseReluDense.wi_1'],
  ['ffn.fc2', 'layer.1.DenseReluDense.wo'],
]);

type Scheme = (name: string) => string | null;

/** The name without a known prefix. */
function withoutPrefix(name: string): string {
  const prefix = PREFIXES.find((candidate) => name.startsWith(candidate));
  return prefix === undefined ? name : name.slice(prefix.length);
}

const fromOriginalWan: Scheme = (name) => {
  if (name === 'head.modulation') return 'scale_shift_table';
  const table = /^blocks\.(\d+)\.modulation$/.exec(name);
  if (table) return `blocks.${table[1]}.scale_shift_table`;
  const [stem, leaf] = splitLeaf(name);
  const fixed = WAN_STEMS.get(stem);
  if (fixed) return `${fixed}.${leaf}`;
  const block = /^blocks\.(\d+)\.(.+)$/.exec(stem);
  if (!block) return null;
  const mapped = WAN_BLOCK_STEMS.get(block[2]!);
  return mapped ? `blocks.${block[1]}.${mapped}.${leaf}` : null;
};

const fromLlamaT5: Scheme = (name) => {
  if (name === 'token_embd.weight') return 'shared.weight';
  if (name === 'enc.output_norm.weight') return 'encoder.final_layer_norm.weight';
  return t5Block(name, /^enc\.blk\.(\d+)\.(.+)$/);
};

const fromWanT5: Scheme = (name) => {
  if (name === 'token_embedding.weight') return 'shared.weight';
  if (name === 'norm.weight') return 'encoder.final_layer_norm.weight';
  return t5Block(name, /^blocks\.(\d+)\.(.+)$/);
};

function t5Block(name: string, pattern: RegExp): string | null {
  const [stem, leaf] = splitLeaf(name);
  const block = pattern.exec(stem);
  const mapped = block && T5_BLOCK_STEMS.get(block[2]!);
  return mapped ? `encoder.block.${block[1]}.${mapped}.${leaf}` : null;
}

function splitLeaf(name: string): [string, string] {
  const dot = name.lastIndexOf('.');
  return [name.slice(0, Math.max(dot, 0)), name.slice(dot + 1)];
}

/** The scheme that a file's names follow, by a name that only this scheme has; null: they are canonical already. */
function schemeOf(names: ReadonlySet<string>): Scheme | null {
  if (names.has('token_embd.weight')) return fromLlamaT5;
  if (names.has('token_embedding.weight')) return fromWanT5;
  if (names.has('blocks.0.self_attn.q.weight') || names.has('head.head.weight')) return fromOriginalWan;
  return null;
}

/**
 * Canonical name of every tensor of a file: canonical → stored. Names that no scheme knows are kept (without
 * their prefix). Throws `invalid-file` when two stored names mean the same weight.
 */
export function canonicalNames(stored: Iterable<string>): Map<string, string> {
  const all = [...stored];
  const scheme = schemeOf(new Set(all.map(withoutPrefix)));
  const result = new Map<string, string>();
  for (const name of all) {
    const bare = withoutPrefix(name);
    const canonical = scheme?.(bare) ?? bare;
    const other = result.get(canonical);
    if (other !== undefined) throw invalidFile(`${quoteName(other)} and ${quoteName(name)} are the same weight`);
    result.set(canonical, name);
  }
  // transformers writes UMT5's embedding under either name, or both.
  const [shared, tied] = ['shared.weight', 'encoder.embed_tokens.weight'];
  if (!result.has(shared) && result.has(tied)) result.set(shared, result.get(tied)!);
  return result;
}
