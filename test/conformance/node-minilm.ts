import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { memorySource } from '../../src/weights/files/byte-source';
import { openWeights } from '../../src/weights/open-weights';
import type { MiniLmFile } from './minilm-cases';

const STORYBOOK = fileURLToPath(new URL('../../public/models/storybook/', import.meta.url));

/** MiniLM's weights: `KINORA_MINILM`, a file, or a folder with model.safetensors or its like; else the bundled model's own text encoder. */
export async function findMiniLm(): Promise<MiniLmFile> {
  const path = weightsPath(process.env.KINORA_MINILM);
  const bytes = readFileSync(path);
  return { weights: await openWeights(memorySource(bytes)), sha256: createHash('sha256').update(bytes).digest('hex') };
}

function weightsPath(given: string | undefined): string {
  if (!given) return join(STORYBOOK, textEncoderFile());
  if (!existsSync(given)) throw new Error(`KINORA_MINILM names ${given}, which is not there.`);
  if (!statSync(given).isDirectory()) return given;
  const names = readdirSync(given).sort();
  const file = names.find((name) => name === 'model.safetensors') ?? names.find((name) => /^model.*\.safetensors$/.test(name));
  if (!file) throw new Error(`KINORA_MINILM names ${given}, which has no model*.safetensors.`);
  return join(given, file);
}

function textEncoderFile(): string {
  const { files } = JSON.parse(readFileSync(join(STORYBOOK, 'manifest.json'), 'utf8')) as { files: { name: string; role: string }[] };
  const file = files.find(({ role }) => role === 'text-encoder');
  if (!file) throw new Error('The bundled model lists no text encoder.');
  return file.name;
}
