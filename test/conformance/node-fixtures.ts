import { readdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { FixtureFolder } from './fixture-folder';

/** Fixtures on disk. A folder that is not there lists as empty. */
export function nodeFixtures(root: string): FixtureFolder {
  const readBytes = (path: string): Promise<Uint8Array> => readFile(join(root, path));
  return {
    list: async (path) => {
      if (!existsSync(join(root, path))) return [];
      const entries = await readdir(join(root, path), { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .sort();
    },
    readBytes,
    readJson: async (path) => JSON.parse(new TextDecoder().decode(await readBytes(path))) as unknown,
  };
}
