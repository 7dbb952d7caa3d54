import type { WeightInfo, WeightSource } from '../graph/types';
import { KinoraError } from '../errors';
import type { ByteSource } from './files/byte-source';
import { parseWeightFile } from './files/parse';
import { parseShardedSafetensors } from './files/sharded';
import { invalidFile, type MetadataValue, quoteName, type StoredTensor, type TensorFile } from './files/tensor-file';
import { canonicalNames } from './naming';
import { dequantize } from './quantization/dequantize';
import { isWeightType } from './quantization/storage-types';

/** A WeightSource over a file, with what else the file says. */
export interface OpenWeights extends WeightSource {
  /** Canonical names, in file order. */
  readonly names: readonly string[];
  /** GGUF metadata, or safetensors' `__metadata__`. */
  readonly metadata: ReadonlyMap<string, MetadataValue>;
}

interface Entry {
  readonly info: WeightInfo;
  readonly tensor: StoredTensor;
  /** The scale of an fp8-scaled weight: a tensor of one f32. */
  readonly scale: StoredTensor | null;
}

/**
 * Opens a GGUF or safetensors file as weights under canonical names (naming.ts). Reads the header only.
 * Throws `invalid-file` when the file is malformed.
 */
export async function openWeights(source: ByteSource): Promise<OpenWeights> {
  return weightsOf(await parseWeightFile(source));
}

/** The same for a checkpoint in several safetensors files; see `parseShardedSafetensors`. */
export async function openShardedWeights(
  index: ByteSource,
  openShard: (fileName: string) => Promise<ByteSource | null>,
): Promise<OpenWeights> {
  return weightsOf(await parseShardedSafetensors(index, openShard));
}

/** The weights of a parsed file. */
export function weightsOf(file: TensorFile): OpenWeights {
  const entries = new Map<string, Entry>();
  const { scales, rest } = takeCompanions(file);
  for (const [name, storedName] of canonicalNames(rest.keys())) {
    const tensor = rest.get(storedName)!;
    const entry = makeEntry(name, tensor, originalShape(file, tensor), scales.get(storedName) ?? null);
    if (entry) entries.set(name, entry);
  }
  const find = (name: string): Entry => {
    const entry = entries.get(name);
    if (!entry)
      throw new KinoraError(
        'invalid-file',
        `The weights lack ${quoteName(name)}.`,
        'The file belongs to another model, or to a part of this one.',
      );
    return entry;
  };
  return {
    names: [...entries.keys()],
    metadata: file.metadata,
    has: (name) => entries.has(name),
    info: (name) => find(name).info,
    read: async (name) => readStored(find(name)),
    readF32: async (name) => readF32(find(name)),
    parts: {
      read: async (name, offset, size) => readStoredPart(find(name), offset, size),
      readF32: async (name, offset, size) => readF32Part(find(name), offset, size),
    },
  };
}

function makeEntry(name: string, tensor: StoredTensor, shape: readonly number[], scale: StoredTensor | null): Entry | null {
  if (!isWeightType(tensor.type)) return null; // counters and masks; no network reads them
  if (!scale) return { info: { name, shape, type: tensor.type, sizeBytes: tensor.sizeBytes }, tensor, scale };
  // A scaled weight is what its bytes and its scale say together, which only f32 can hold.
  const sizeBytes = shape.reduce((product, dim) => product * dim, 4);
  return { info: { name, shape, type: 'F32', sizeBytes }, tensor, scale };
}

function readStored(entry: Entry): Promise<Uint8Array> {
  return readStoredPart(entry, 0, entry.info.sizeBytes);
}

function readF32(entry: Entry): Promise<Float32Array<ArrayBuffer>> {
  return readF32Part(entry, 0, entry.info.sizeBytes);
}

/** `size` bytes from `offset` on, of the weight as `info` describes it: f32 where it is scaled. */
async function readStoredPart(entry: Entry, offset: number, size: number): Promise<Uint8Array> {
  if (entry.scale) return new Uint8Array((await readF32Part(entry, offset, size)).buffer);
  return entry.tensor.source.read(entry.tensor.offset + offset, size);
}

/** The f32 values of those bytes, which must be whole blocks of the storage type. */
async function readF32Part({ info, tensor, scale }: Entry, offset: number, size: number): Promise<Float32Array<ArrayBuffer>> {
  const share = info.sizeBytes === 0 ? 0 : tensor.sizeBytes / info.sizeBytes; // fp8 with a scale counts as f32
  const values = dequantize(tensor.type, await tensor.source.read(tensor.offset + offset * share, size * share));
  if (scale) {
    const factor = dequantize(scale.type, await scale.source.read(scale.offset, scale.sizeBytes))[0]!;
    for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor;
  }
  return values;
}

/**
 * ComfyUI's fp8-scaled files keep beside each weight its scale (`scale_weight`; newer: `weight_scale`), sometimes
 * one for activations, and once a marker `scaled_fp8`. Scales by the stored name of their weight; the rest is tensors.
 */
function takeCompanions(file: TensorFile): { scales: Map<string, StoredTensor>; rest: Map<string, StoredTensor> } {
  const scales = new Map<string, StoredTensor>();
  const rest = new Map(file.tensors);
  if (file.format !== 'safetensors') return { scales, rest };
  for (const [name, tensor] of file.tensors) {
    const companion = /^(.*\.)?(scale_weight|weight_scale|scale_input|input_scale|scaled_fp8)$/.exec(name);
    if (!companion) continue;
    rest.delete(name);
    if (companion[2] !== 'scale_weight' && companion[2] !== 'weight_scale') continue;
    const owner = `${companion[1] ?? ''}weight`;
    if (!file.tensors.has(owner)) throw invalidFile(`the scale ${quoteName(name)} belongs to no weight`);
    if (tensor.shape.some((dim) => dim !== 1)) throw invalidFile(`the scale ${quoteName(name)} is not one number`);
    if (!['F32', 'F16', 'BF16', 'F64'].includes(tensor.type)) throw invalidFile(`the scale ${quoteName(name)} has the type ${tensor.type}`);
    if (scales.has(owner)) throw invalidFile(`tensor ${quoteName(owner)} has two scales`);
    scales.set(owner, tensor);
  }
  return { scales, rest };
}

/** The shape before a GGUF converter flattened a tensor, which ComfyUI-GGUF keeps under `comfy.gguf.orig_shape.<name>`. */
function originalShape(file: TensorFile, tensor: StoredTensor): readonly number[] {
  const value = file.metadata.get(`comfy.gguf.orig_shape.${tensor.name}`);
  if (value === undefined) return tensor.shape;
  const shape = value instanceof Int32Array || value instanceof Uint32Array ? [...value] : null;
  const elements = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);
  if (!shape || shape.length > 8 || shape.some((dim) => dim < 1) || elements(shape) !== elements(tensor.shape))
    throw invalidFile(`the original shape of tensor ${quoteName(tensor.name)} does not fit it`);
  return shape;
}
