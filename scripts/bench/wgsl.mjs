/** `node scripts/bench/wgsl.mjs`: the WGSL kernels through Dawn in Node; `--help` lists the settings. Without a build, as withModules does. */
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import process from 'node:process';
import { withModules } from './load-modules.mjs';

const model = pathToFileURL(`${resolve('public/models/storybook')}/`);
withModules(async (load) => (await load('/scripts/bench/wgsl/main.ts')).main(model)).then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
