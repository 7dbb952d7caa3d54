/** Builds the page into dist/ unless what is there is up to date. Several commands may ask at once: one builds, the others wait. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const DIST = join(ROOT, 'dist');

const CACHE = join(ROOT, '.cache');
const STAMP = join(CACHE, 'build.json');
const LOCK = join(CACHE, 'build.lock');
const INPUTS = [
  'src',
  'public',
  'docs/models.md',
  'shaders',
  'scripts',
  'index.html',
  'headless.html',
  'vite.config.ts',
  'svelte.config.js',
  'tsconfig.json',
  'package.json',
  'package-lock.json',
];

/** Makes sure that dist/ is built from the sources as they are. `say` is told when it builds. Throws when the build fails. */
export async function ensureBuilt(say = (line) => console.error(line)) {
  if (isUpToDate()) return;
  mkdirSync(CACHE, { recursive: true });
  while (!takeLock()) await sleep(250);
  try {
    if (isUpToDate()) return;
    const stamp = inputStamp();
    say('Building …');
    const { build } = await import('vite');
    await build({ root: ROOT, logLevel: 'error', configFile: join(ROOT, 'vite.config.ts') });
    writeFileSync(STAMP, JSON.stringify({ stamp }));
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

function isUpToDate() {
  if (!existsSync(join(DIST, 'index.html')) || !existsSync(STAMP)) return false;
  try {
    return JSON.parse(readFileSync(STAMP, 'utf8')).stamp === inputStamp();
  } catch {
    return false;
  }
}

/** Changes when an input is added, removed, touched or resized, or when dist/ was written by somebody else. */
function inputStamp() {
  const hash = createHash('sha256');
  const visit = (path) => {
    const info = statSync(join(ROOT, path), { throwIfNoEntry: false });
    if (!info) return;
    if (!info.isDirectory()) hash.update(`${path}\0${info.size}\0${info.mtimeMs}\n`);
    else for (const name of readdirSync(join(ROOT, path)).sort()) visit(join(path, name));
  };
  for (const input of INPUTS) visit(input);
  return hash.digest('hex');
}

/** mkdir is atomic; a lock whose owner is gone is taken over. */
function takeLock() {
  try {
    mkdirSync(LOCK);
    writeFileSync(join(LOCK, 'pid'), String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  if (lockIsStale()) rmSync(LOCK, { recursive: true, force: true });
  return false;
}

function lockIsStale() {
  const made = statSync(LOCK, { throwIfNoEntry: false });
  if (!made) return false;
  try {
    process.kill(Number(readFileSync(join(LOCK, 'pid'), 'utf8')), 0);
    return false;
  } catch (error) {
    if (error.code === 'EPERM') return false;
    // No such process, or no pid yet: its maker may be between the two calls.
    return Date.now() - made.mtimeMs > 5_000;
  }
}
