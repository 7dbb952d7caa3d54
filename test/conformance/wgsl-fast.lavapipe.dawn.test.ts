import { onDriver } from '../dawn/on-driver';
import { fastChoices } from './fast-choices';
import { fixturesFolder } from './json-cases';
import { nodeFixtures } from './node-fixtures';
import { findMiniLm } from './node-minilm';
import { wgslNetworkSuite } from './wgsl-suite';

// The kernels of hardware adapters in f16 and, on the files that have Q8_0 weights, in int8; of files that differ in names and layouts only, one.
await onDriver('lavapipe', async () => {
  const [folder, miniLm] = [nodeFixtures(fixturesFolder()), await findMiniLm()];
  await wgslNetworkSuite(folder, miniLm, {
    software: false,
    arithmetic: 'f16',
    choices: fastChoices({ int8: false }),
    only: ({ name }) => /diffusers.*whole, one|\/c\/.*diffusers.*whole|umt5\/weights.hf|taew2_1|gguf-file/.test(name),
  });
  await wgslNetworkSuite(folder, miniLm, {
    software: false,
    arithmetic: 'int8',
    choices: fastChoices({ int8: true }),
    only: ({ name }) => /gguf-file/.test(name),
  });
});
