import type { ByteSource } from './byte-source';
import { GGUF_MAGIC, parseGguf } from './gguf';
import { parseSafetensors } from './safetensors';
import { invalidFile, type TensorFile } from './tensor-file';

/**
 * Reads the header of a weight file, whichever of GGUF and safetensors it is: by its first bytes, never by its
 * name. Touches no tensor data. Throws `invalid-file` for anything malformed, without allocating what it claims.
 */
export async function parseWeightFile(source: ByteSource): Promise<TensorFile> {
  if (source.sizeBytes < 4) throw invalidFile('it is too short to be one');
  const magic = new DataView((await source.read(0, 4)).buffer).getUint32(0, true);
  return magic === GGUF_MAGIC ? parseGguf(source) : parseSafetensors(source);
}
