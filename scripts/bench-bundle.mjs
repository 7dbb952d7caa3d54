/**
 * `npm run bench:bundle`: writes bench-bundle/kinora-bench.tar.gz, the WGSL benchmark for machines without a network: the kernels, Dawn for
 * Linux on x64 and the bundled model. Needs Node 20 and a Vulkan driver there: `tar xzf kinora-bench.tar.gz; node kinora-bench/bench.mjs`.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, statSync } from 'node:fs';
import process from 'node:process';
import { build } from 'vite';

const OUT = 'bench-bundle';
const FOLDER = `${OUT}/kinora-bench`;
const MAX_BYTES = 64 * 2 ** 20;

rmSync(OUT, { recursive: true, force: true });
await build({
  configFile: false,
  publicDir: false,
  logLevel: 'warn',
  ssr: { noExternal: true, external: ['webgpu'] },
  build: {
    ssr: 'scripts/bench/wgsl/bundle-entry.ts',
    outDir: FOLDER,
    target: 'node20',
    rolldownOptions: { output: { entryFileNames: 'bench.mjs' } },
  },
});
const dawn = `${FOLDER}/node_modules/webgpu`;
mkdirSync(`${dawn}/dist`, { recursive: true });
for (const file of ['package.json', 'index.js', 'LICENSE.md', 'dist/linux-x64'])
  cpSync(`node_modules/webgpu/${file}`, `${dawn}/${file}`, { recursive: true });
cpSync('public/models/storybook', `${FOLDER}/model`, { recursive: true });
cpSync('LICENSE', `${FOLDER}/LICENSE`);
const archive = `${OUT}/kinora-bench.tar.gz`;
const { status } = spawnSync('tar', ['-czf', archive, '-C', OUT, 'kinora-bench'], { stdio: 'inherit' });
if (status !== 0) process.exit(1);
const { size } = statSync(archive);
if (size > MAX_BYTES) throw new Error(`The bundle is ${(size / 2 ** 20).toFixed(1)} MiB; it should be 64 MiB at most.`);
console.log(`${archive}: ${(size / 2 ** 20).toFixed(1)} MiB. There: tar xzf kinora-bench.tar.gz && node kinora-bench/bench.mjs`);
