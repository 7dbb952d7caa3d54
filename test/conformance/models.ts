import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The packed model that the repository carries. */
export const PACKED_STORYBOOK = join(root, 'public/models/storybook');

/** The unpacked f16 model: `KINORA_STORYBOOK`, or the folder beside the repository where there is one; else null. */
export function storybookFolder(): string | null {
  return firstThatExists(process.env.KINORA_STORYBOOK, join(root, '../shared/models/storybook-v0'));
}

/** MiniLM as published (config.json, tokenizer.json, model*.safetensors): where `KINORA_MINILM` is, or the folder beside the repository; else null. */
export function minilmFolder(): string | null {
  const found = firstThatExists(process.env.KINORA_MINILM, join(root, '../shared/models/minilm'));
  return found !== null && statSync(found).isFile() ? dirname(found) : found;
}

/** MiniLM's tokenizer.json: the one of this hash if several are at hand. Throws when there is none at all. */
export function findTokenizerJson(sha256?: string): object {
  const candidates = [minilmFolder(), PACKED_STORYBOOK]
    .filter((folder) => folder !== null)
    .map((folder) => join(folder, 'tokenizer.json'))
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path));
  const chosen = candidates.find((bytes) => createHash('sha256').update(bytes).digest('hex') === sha256) ?? candidates[0];
  if (!chosen) throw new Error('No tokenizer.json of MiniLM: neither public/models/storybook nor KINORA_MINILM has one.');
  return JSON.parse(chosen.toString('utf8')) as object;
}

function firstThatExists(...folders: readonly (string | undefined)[]): string | null {
  return folders.find((folder): folder is string => folder !== undefined && existsSync(folder)) ?? null;
}
