import { type FileRole, type ModelManifest, parseManifest } from '../../src/weights/manifest';
import { sha256Hex } from '../../src/weights/store/hash';

export interface TestModel {
  readonly manifest: ModelManifest;
  /** By file name. */
  readonly contents: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

export interface TestModelOptions {
  readonly files: Partial<Record<FileRole, Uint8Array<ArrayBuffer>>>;
  readonly chunkSizeBytes: number;
  readonly id?: string;
  readonly revision?: string;
}

/** A valid manifest for these bytes; the rest of it describes the smallest model there can be. */
export async function makeModel({ files, chunkSizeBytes, id = 'test-model', revision = 'r1' }: TestModelOptions): Promise<TestModel> {
  const contents = new Map<string, Uint8Array<ArrayBuffer>>();
  const entries = [];
  for (const [role, bytes] of Object.entries(files)) {
    const chunks: string[] = [];
    for (let at = 0; at < bytes.length; at += chunkSizeBytes) chunks.push(await sha256Hex(bytes.slice(at, at + chunkSizeBytes)));
    entries.push({ name: `${role}.bin`, role, sizeBytes: bytes.length, sha256: await sha256Hex(bytes), chunks });
    contents.set(`${role}.bin`, bytes);
  }
  const size = { min: 16, max: 64, step: 16 };
  const manifest = parseManifest({
    version: 1,
    id,
    name: 'Test model',
    family: 'wan',
    licence: 'MIT',
    source: 'tests',
    revision,
    chunkSizeBytes,
    files: entries,
    configs: {
      transformer: { patch_size: [1, 2, 2], num_attention_heads: 1, attention_head_dim: 8, in_channels: 2, out_channels: 2, text_dim: 8, freq_dim: 8, ffn_dim: 8, num_layers: 1, cross_attn_norm: true, qk_norm: 'rms_norm_across_heads', eps: 1e-6, rope_max_seq_len: 64 },
      autoencoder: { _class: 'TinyVideoAutoencoder', latent_channels: 2, patch_size: 8 },
      textEncoder: { model_type: 'bert' },
    },
    text: { encoder: 'minilm', states: 'last_hidden_state', length: 8, padding: 'zero rows, no mask', empty: '' },
    timesteps: 'one',
    defaults: { width: 32, height: 32, frames: 17, fps: 8, steps: 4, guidance: 1, shift: 3, sampler: 'euler' },
    latentRgb: { matrix: [[1, 0], [0, 1], [0, 0]], bias: [0, 0, 0] },
    limits: { width: size, height: size, frames: { min: 1, max: 65, step: 4 }, fps: { min: 1, max: 30, step: 1 }, steps: { min: 1, max: 50, step: 1 }, guidance: { min: 1, max: 20, step: 0 }, shift: { min: 1, max: 20, step: 0 } },
  }); // prettier-ignore
  return { manifest, contents };
}
