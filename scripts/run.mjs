/** Runs a command with inherited output; resolves to its exit code. */
import { spawn } from 'node:child_process';

export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

/** Runs a program of an installed npm package (`vite`, `vitest`, …) with this very Node. */
export function runTool(name, args, options = {}) {
  return run(process.platform === 'win32' ? 'npx.cmd' : 'npx', ['--no-install', name, ...args], options);
}

/** The same, with what it prints (both streams, in order) held back: resolves to the exit code and the text. */
export function captureTool(name, args) {
  return new Promise((resolve, reject) => {
    const command = process.platform === 'win32' ? 'npx.cmd' : 'npx';
    const child = spawn(command, ['--no-install', name, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
