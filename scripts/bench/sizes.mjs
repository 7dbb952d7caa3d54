/** What a visitor downloads: the built files, gzipped as a host would send them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const BINARY = /\.(wasm|gguf|woff2|png|jpg|mp4|webm)$/;

function* filesUnder(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* filesUnder(path);
    else yield path;
  }
}

/**
 * Bytes of the app shell (everything but the runtime's wasm and the model; gzipped, fonts as they are), of each runtime wasm (as it is and
 * gzipped), and of the model.
 */
export function measureSizes(dist) {
  const sizes = { shellGzipBytes: 0, shellBytes: 0, modelBytes: 0, runtimes: [] };
  for (const path of filesUnder(dist)) {
    const name = relative(dist, path);
    const bytes = readFileSync(path);
    if (name.startsWith('models/')) sizes.modelBytes += bytes.length;
    else if (name.endsWith('.wasm')) sizes.runtimes.push({ name, bytes: bytes.length, gzipBytes: gzipSync(bytes).length });
    else {
      sizes.shellBytes += bytes.length;
      sizes.shellGzipBytes += BINARY.test(name) ? bytes.length : gzipSync(bytes).length;
    }
  }
  return sizes;
}
