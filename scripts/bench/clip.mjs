/** Times whole clips in the built page's engine, in a headless browser. */
import { readFileSync, readdirSync } from 'node:fs';
import { DIST } from '../build.mjs';
import { ensureBrowser } from '../get-browser.mjs';
import { HeadlessEngine } from '../headless-engine.mjs';
import { serve } from '../serve.mjs';

const PROMPT = 'a fox runs through snow';

/**
 * The first clip of a new visitor (download included), then `repeats` more: seconds per phase, and the peak resident memory of
 * the page's process (Linux; null elsewhere).
 */
export async function measureClip({ threads, repeats, precision }) {
  const server = await serve(DIST);
  try {
    const engine = await HeadlessEngine.open({ url: `${server.url}headless.html`, executablePath: await ensureBrowser() });
    try {
      const make = async (seed) => {
        const start = performance.now();
        const { report } = await engine.generate({ prompt: PROMPT, seed }, { precision, threads, backend: 'ort-wasm' });
        return { ...report.seconds, wall: (performance.now() - start) / 1000 };
      };
      const first = await make(0);
      const runs = [];
      for (let run = 1; run <= repeats; run++) runs.push(await make(run));
      return { first, runs, peakMemoryBytes: peakMemory() };
    } finally {
      await engine.close();
    }
  } finally {
    await server.close();
  }
}

/** The largest high-water mark of the resident memory of this process's descendants that are page processes. */
function peakMemory() {
  if (process.platform !== 'linux') return null;
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      continue; // it ended meanwhile
    }
  }
  const isOurs = (pid) => pid === process.pid || (parents.has(pid) && parents.get(pid) !== 0 && isOurs(parents.get(pid)));
  let peak = 0;
  for (const pid of parents.keys()) {
    if (!isOurs(pid)) continue;
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')) continue;
      peak = Math.max(peak, 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0));
    } catch {
      continue;
    }
  }
  return peak || null;
}
