/** `npm run check`: types, Svelte, lint, import rules, unused code, formatting. Runs all, reports all, fails if one fails. */
import { runTool } from './run.mjs';

const CHECKS = [
  ['types', 'tsc', ['--noEmit']],
  ['svelte', 'svelte-check', ['--tsconfig', './tsconfig.json', '--output', 'human', '--threshold', 'warning']],
  ['lint', 'eslint', ['.', '--max-warnings', '0']],
  ['imports', 'depcruise', ['src', '--config', '.dependency-cruiser.cjs']],
  ['format', 'prettier', ['--check', '--log-level', 'warn', '.']],
];

const wanted = process.argv.slice(2);
const failed = [];
for (const [name, tool, args] of CHECKS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n— ${name}`);
  if ((await runTool(tool, args)) !== 0) failed.push(name);
}
if (failed.length > 0) {
  console.error(`\ncheck failed: ${failed.join(', ')}`);
  process.exit(1);
}
console.log('\nall checks passed');
