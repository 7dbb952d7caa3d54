import type { ByteSource } from './byte-source';
import { parseJsonObject, parseSafetensors } from './safetensors';
import { invalidFile, quoteName, type StoredTensor, type TensorFile } from './tensor-file';

/** Published indexes have a line of about 90 bytes a tensor. */
const MAX_INDEX_BYTES = 16 * 2 ** 20;

/**
 * Reads a safetensors checkpoint in several files: `index` is its model.safetensors.index.json, `openShard`
 * finds a file beside it by its plain name, or resolves to null. Only tensors that the index names are kept.
 * Throws `invalid-file` when a file is missing, a name leads out of the folder, or a tensor is not where the index says.
 */
export async function parseShardedSafetensors(
  index: ByteSource,
  openShard: (fileName: string) => Promise<ByteSource | null>,
): Promise<TensorFile> {
  if (index.sizeBytes > MAX_INDEX_BYTES) throw invalidFile('its index is larger than 16 MiB');
  const { weight_map: map } = parseJsonObject(await index.read(0, index.sizeBytes), 'index');
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw invalidFile('the weight_map of its index is not an object');

  const shards = new Map<string, TensorFile>();
  const tensors = new Map<string, StoredTensor>();
  for (const [name, fileName] of Object.entries(map as Record<string, unknown>)) {
    if (typeof fileName !== 'string' || !/^[^/\\:]+$/.test(fileName) || /^\.+$/.test(fileName))
      throw invalidFile(`its index looks for tensor ${quoteName(name)} outside its folder`);
    let shard = shards.get(fileName);
    if (!shard) {
      const source = await openShard(fileName);
      if (!source) throw invalidFile(`its part ${quoteName(fileName)} is missing`);
      shard = await parseSafetensors(source);
      shards.set(fileName, shard);
    }
    const tensor = shard.tensors.get(name);
    if (!tensor) throw invalidFile(`tensor ${quoteName(name)} is not in ${quoteName(fileName)}`);
    tensors.set(name, tensor);
  }
  return { format: 'safetensors', metadata: new Map(), tensors };
}
