import { onDriver } from '../dawn/on-driver';
import { fixturesFolder } from './json-cases';
import { nodeFixtures } from './node-fixtures';
import { findMiniLm } from './node-minilm';
import { wgslNetworkSuite } from './wgsl-suite';

/**
 * Just above the least with which each network runs, set by its self-attention's keys, its transposed table of positions, a batch of its pictures:
 * feed-forward activations, weights and the embedding table are then bound in parts.
 */
const LEAST_BYTES = { wan: 54_000, umt5: 280_000, minilm: 400_000, taew: 800_000 } as const;

await onDriver('lavapipe', async () => {
  const miniLm = await findMiniLm();
  for (const [network, bindingBytes] of Object.entries(LEAST_BYTES))
    await wgslNetworkSuite(nodeFixtures(fixturesFolder()), miniLm, {
      limits: { bindingBytes },
      only: (networkCase) => networkCase.network === network && !networkCase.name.includes('layers'),
    });
});
