/** `npm run check`: types, Svelte, lint, import rules, unused code, formatting. Runs all, reports all, fails if one fails. */
import { availableParallelism } from 'node:os';
import { inLanes, runTool } from './run.mjs';

const CHECKS = [
  ['types', 'tsc', ['--noEmit']],
  ['svelte', 'svelte-check', ['--tsconfig', './tsconfig.json', '--output', 'human', '--threshold', 'warning']],
  ['lint', 'eslint', ['.', '--max-warnings', '0']],
  ['imports', 'depcruise', ['src', '--config', '.dependency-cruiser.cjs']],
  ['format', 'prettier', ['--check', '--log-level', 'warn', '.']],
];

const wanted = process.argv.slice(2);
const chosen = CHECKS.filter(([name]) => wanted.length === 0 || wanted.includes(name));
const failed = [];

// Each of these tools keeps to one core. What a tool says is printed whole.
await inLanes(chosen, availableParallelism(), async ([name, tool, args]) => {
  let output = '';
  const code = await runTool(tool, args, { write: (text) => (output += text) });
  console.log(`\n— ${name}\n${output}`);
  if (code !== 0) failed.push(name);
});
if (failed.length > 0) {
  console.error(`\ncheck failed: ${failed.join(', ')}`);
  process.exit(1);
}
console.log('\nall checks passed');
