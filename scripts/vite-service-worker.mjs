/**
 * Vite plugin: puts into dist/service-worker.js what the build made. The worker's source is an entry of the build; its
 * placeholder `__KINORA_SHELL__` becomes { version, shell, later, runtime }: the files that the page starts with (see `firstFiles`), with a
 * version over all contents; the other parts of the page, kept when it is idle; and the files that are kept once a browser has asked for
 * them (of the wasm runtime each needs one set).
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const SERVICE_WORKER = 'service-worker.js';
const PLACEHOLDER = '__KINORA_SHELL__';

/**
 * ONNX Runtime's wasm, the scripts beside it, and the chunks that load them; fonts with letters that few prompts have; icons for
 * installing: fetched when they are needed, kept then.
 */
const isOnDemand = (name) => /\.wasm$|(^|\/)ort[.-]|-latin-wght-normal|^icon-(maskable-)?512/.test(name);
/** Never kept by the service worker: weights have a store of their own, and these are for scripts and servers. */
const isLeftOut = (name) => /^models\/|\.map$|^headless\.html$|^assets\/headless-|^\.|LICENSE|NOTICE/.test(name) || name === SERVICE_WORKER;

export function serviceWorkerPlugin() {
  let publicDir = '';
  return {
    name: 'kinora-service-worker',
    apply: 'build',
    enforce: 'post',
    configResolved(config) {
      publicDir = config.publicDir;
    },
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const worker = bundle[SERVICE_WORKER];
        if (!worker) return; // A bundle of a nested build, such as a worker's.
        const files = new Map();
        for (const [name, output] of Object.entries(bundle)) files.set(name, output.type === 'chunk' ? output.code : output.source);
        for (const name of publicDir ? listFiles(publicDir) : []) files.set(name, readFileSync(join(publicDir, name)));
        const names = [...files.keys()].filter((name) => !isLeftOut(name)).sort();
        const first = firstFiles(files, names);
        const hash = createHash('sha256');
        for (const name of names) hash.update(`${name}\0`).update(createHash('sha256').update(files.get(name)).digest());
        const shell = {
          version: hash.digest('hex').slice(0, 16),
          shell: names.filter((name) => !isOnDemand(name) && first.has(name)),
          later: names.filter((name) => !isOnDemand(name) && !first.has(name)),
          runtime: names.filter(isOnDemand),
        };
        if (!worker.code.includes(PLACEHOLDER)) this.error(`${SERVICE_WORKER} has no ${PLACEHOLDER}.`);
        if (worker.imports.length > 0) this.error(`${SERVICE_WORKER} must not import: ${worker.imports.join(', ')}.`);
        worker.code = worker.code.replace(PLACEHOLDER, JSON.stringify(shell));
      },
    },
  };
}

/** A static import, or one without names, as the minifier writes it; `import("…")` is none. */
const STATIC_IMPORT = /(?:\bfrom|\bimport)\s*["'`]\.\/([\w.-]+\.js)["'`]/g;
/** The engine's own worker: the page starts it at once. */
const isEngineWorker = (name) => /^assets\/worker-[^/]+\.js$/.test(name);

/**
 * What the page needs to open and to make a clip: everything but the scripts that only a dynamic import reaches, other workers, and the
 * styles of screens that are not the first. Vite names what index.html starts with; imports are followed from there.
 */
function firstFiles(files, names) {
  const html = String(files.get('index.html'));
  const waiting = names.filter((name) => html.includes(name) || isEngineWorker(name));
  const scripts = new Set();
  while (waiting.length > 0) {
    const name = waiting.pop();
    if (scripts.has(name) || !files.has(name)) continue;
    scripts.add(name);
    if (name.endsWith('.js')) for (const [, other] of String(files.get(name)).matchAll(STATIC_IMPORT)) waiting.push(`assets/${other}`);
  }
  return new Set(names.filter((name) => scripts.has(name) || !/^assets\/.*\.(js|css)$/.test(name)));
}

function listFiles(folder, prefix = '') {
  return readdirSync(join(folder, prefix)).flatMap((name) => {
    const path = prefix + name;
    return statSync(join(folder, path)).isDirectory() ? listFiles(folder, `${path}/`) : [path];
  });
}
