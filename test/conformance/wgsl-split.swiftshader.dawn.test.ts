import { onDriver } from '../dawn/on-driver';
import { fixturesFolder } from './json-cases';
import { nodeFixtures } from './node-fixtures';
import { findMiniLm } from './node-minilm';
import { wgslNetworkSuite } from './wgsl-suite';

/**
 * Just above the least with which each network runs, set by a word’s row and its codes, by a convolution’s weights; Wan runs with less still. Keys and values,
 * tables of positions, pictures, feed-forward activations, weights and the embedding table are all bound in parts.
 */
const LEAST_BYTES = { wan: 16_384, umt5: 66_000, minilm: 100_000, taew: 75_000 } as const;

await onDriver('swiftshader', async () => {
  const miniLm = await findMiniLm();
  for (const [network, bindingBytes] of Object.entries(LEAST_BYTES))
    await wgslNetworkSuite(nodeFixtures(fixturesFolder()), miniLm, {
      limits: { bindingBytes },
      only: (networkCase) => networkCase.network === network && !networkCase.name.includes('layers'),
    });
});
