import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const DEFAULT_FOLDER = fileURLToPath(new URL('../fixtures', import.meta.url));

/**
 * Serves the fixtures folder (`KINORA_FIXTURES`, else test/fixtures) to tests in a browser, which cannot read a disk:
 * `/__fixtures/list/<path>` lists all files under a path as JSON, `/__fixtures/file/<path>` gives one.
 * `/__fixtures/minilm` is the file or folder that `KINORA_MINILM` names, 404 without it.
 */
export function fixtureServer(): Plugin {
  const root = process.env.KINORA_FIXTURES ?? DEFAULT_FOLDER;
  return {
    name: 'kinora-fixture-server',
    configureServer(server) {
      server.middlewares.use('/__fixtures', (request, response) => {
        answer(root, decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname)).then(
          (body) => {
            response.statusCode = body === null ? 404 : 200;
            response.end(body ?? 'not found');
          },
          (error: unknown) => {
            response.statusCode = 500;
            response.end(String(error));
          },
        );
      });
    },
  };
}

async function answer(root: string, path: string): Promise<Uint8Array | string | null> {
  const [, action, ...rest] = path.split('/');
  const target = join(root, ...rest);
  if (relative(root, target).startsWith('..')) return null;
  if (action === 'list') return JSON.stringify(await listFiles(root, target));
  if (action === 'file') return existsSync(target) ? readFile(target) : null;
  if (action === 'minilm') return readMiniLm(process.env.KINORA_MINILM);
  return null;
}

async function listFiles(root: string, folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

async function readMiniLm(given: string | undefined): Promise<Uint8Array | null> {
  if (!given) return null;
  if (!(await stat(given)).isDirectory()) return readFile(given);
  const file = (await readdir(given)).sort().find((name) => /^model.*\.safetensors$/.test(name));
  return file === undefined ? null : readFile(join(given, file));
}
