/** Runs commands: their output inherited or handed on, their exit code awaited. */
import { spawn } from 'node:child_process';
import { constants, getPriority, setPriority } from 'node:os';

/** How much nicer than this process is what yields: a third of the processor time that others get where there is not enough for all. */
const YIELDING = 5;

/**
 * Runs a command; resolves to its exit code. What it prints is inherited, or handed to `write` as text, both streams in order. With `yields`
 * it, and what it starts, leaves the processor to others where they want it.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions & { write?: (text: string) => void, yields?: boolean }} [options]
 * @returns {Promise<number>}
 */
export function run(command, args, { write, yields = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: write ? ['ignore', 'pipe', 'pipe'] : 'inherit', ...options });
    if (write) for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', write);
    if (yields && child.pid !== undefined) lowerPriority(child.pid);
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1)); // null after a signal
  });
}

/** Before the process has started any of its own, which inherit it. One that is over already needs none. */
function lowerPriority(pid) {
  try {
    setPriority(pid, Math.min(constants.priority.PRIORITY_LOW, getPriority() + YIELDING));
  } catch (error) {
    if (error.info?.code !== 'ESRCH') throw error;
  }
}

/** Works through items, each begun as soon as one of so many lanes is free; `work` is told the item and the number of its lane. */
export async function inLanes(items, lanes, work) {
  const queue = [...items];
  const lane = async (_, index) => {
    for (let item = queue.shift(); item; item = queue.shift()) await work(item, index);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Runs a program of an installed npm package (`vite`, `vitest`, …) with this very Node. */
export function runTool(name, args, options = {}) {
  return run(process.platform === 'win32' ? 'npx.cmd' : 'npx', ['--no-install', name, ...args], options);
}
