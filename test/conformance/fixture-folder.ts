import { memorySource } from '../../src/weights/files/byte-source';
import { parseWeightFile } from '../../src/weights/files/parse';
import { dequantize } from '../../src/weights/quantization/dequantize';
import { openWeights, type OpenWeights } from '../../src/weights/open-weights';

/** A folder of fixtures, wherever the tests run: a disk in Node, a server in a browser. Paths use `/` and start at the folder. */
export interface FixtureFolder {
  /** Paths of all files under a folder, at any depth, sorted. */
  list(path: string): Promise<string[]>;
  readBytes(path: string): Promise<Uint8Array>;
  readJson(path: string): Promise<unknown>;
}

/** A tensor of a golden file; integers and f16 are f32 here, exactly. */
export interface Golden {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}
export type Goldens = ReadonlyMap<string, Golden>;

/** All tensors of a safetensors file, under their stored names. */
export async function readGoldens(folder: FixtureFolder, path: string): Promise<Goldens> {
  const file = await parseWeightFile(memorySource(await folder.readBytes(path)));
  const goldens = new Map<string, Golden>();
  for (const [name, { shape, type, source, offset, sizeBytes }] of file.tensors)
    goldens.set(name, { shape, data: dequantize(type, await source.read(offset, sizeBytes)) });
  return goldens;
}

/** One golden tensor. Throws when the file lacks it. */
export function golden(goldens: Goldens, name: string): Golden {
  const tensor = goldens.get(name);
  if (!tensor) throw new Error(`The golden file has no tensor ${name}.`);
  return tensor;
}

export async function readWeights(folder: FixtureFolder, path: string): Promise<OpenWeights> {
  return openWeights(memorySource(await folder.readBytes(path)));
}

/** Folders under an area that hold a file of this name. */
export async function foldersWith(folder: FixtureFolder, area: string, fileName: string): Promise<string[]> {
  const files = await folder.list(area);
  return files.filter((path) => path.endsWith(`/${fileName}`)).map((path) => path.slice(0, -fileName.length - 1));
}

/** Files directly in a folder whose whole name fits a pattern. */
export async function filesIn(folder: FixtureFolder, path: string, pattern: RegExp): Promise<string[]> {
  const files = await folder.list(path);
  return files.filter((file) => pattern.test(file.slice(path.length + 1)));
}
