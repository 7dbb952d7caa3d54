import { onDriver } from '../dawn/on-driver';
import { fixturesFolder } from './json-cases';
import { isOneOfEach } from './network-cases';
import { nodeFixtures } from './node-fixtures';
import { findMiniLm } from './node-minilm';
import { wgslNetworkSuite } from './wgsl-suite';

await onDriver('lavapipe', async () => wgslNetworkSuite(nodeFixtures(fixturesFolder()), await findMiniLm(), { only: isOneOfEach }));
