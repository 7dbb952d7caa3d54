/** What a visitor downloads: the built files, gzipped as a host would send them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { SERVICE_WORKER } from '../vite-service-worker.mjs';

/** Files that gain nothing from gzip, and wasm, which is counted by itself. */
export const isCompressed = (name) => /\.(wasm|gguf|woff2|png|jpg|mp4|webm)$/.test(name);

function* filesUnder(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* filesUnder(path);
    else yield path;
  }
}

/**
 * Bytes of the app shell (what the service worker keeps of the page itself; gzipped, fonts as they are), of each runtime wasm (as it is
 * and gzipped), and of the model.
 */
export function measureSizes(dist) {
  const shell = new Set(shellOf(readFileSync(join(dist, SERVICE_WORKER), 'utf8')));
  const sizes = { shellGzipBytes: 0, modelBytes: 0, runtimes: [] };
  for (const path of filesUnder(dist)) {
    const name = relative(dist, path);
    const bytes = readFileSync(path);
    if (name.startsWith('models/')) sizes.modelBytes += bytes.length;
    else if (name.endsWith('.wasm')) sizes.runtimes.push({ name, bytes: bytes.length, gzipBytes: gzipSync(bytes).length });
    else if (shell.has(name)) sizes.shellGzipBytes += isCompressed(name) ? bytes.length : gzipSync(bytes).length;
  }
  return sizes;
}

/** The names that the build wrote into the service worker. */
function shellOf(code) {
  const list = /shell:(\[[^\]]*\])|"shell":(\[[^\]]*\])/.exec(code);
  if (!list) throw new Error(`${SERVICE_WORKER} names no files.`);
  return [SERVICE_WORKER, ...JSON.parse(list[1] ?? list[2])];
}
