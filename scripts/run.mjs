/** Runs a command with inherited output; resolves to its exit code. */
import { spawn } from 'node:child_process';

export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

/** The command that runs a program of an installed npm package. */
const packageCommand = (name, args) => [process.platform === 'win32' ? 'npx.cmd' : 'npx', ['--no-install', name, ...args]];

/** Runs a program of an installed npm package (`vite`, `vitest`, …) with this very Node. */
export function runTool(name, args, options = {}) {
  return run(...packageCommand(name, args), options);
}

/** The same, with what it prints (both streams, in order) held back: resolves to the exit code and the text. */
export function captureTool(name, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(...packageCommand(name, args), { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
