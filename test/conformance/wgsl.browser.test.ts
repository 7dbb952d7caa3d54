import { browserFixtures, fetchMiniLm } from './browser-fixtures';
import { wgslNetworkSuite } from './wgsl-suite';

await wgslNetworkSuite(browserFixtures(), await fetchMiniLm());
