import { describe, it } from 'vitest';
import { createReferenceExecutor } from '../../src/graph/reference';
import { fixturesFolder } from './json-cases';
import { checkNetworkCase, networkCases } from './network-cases';
import { nodeFixtures } from './node-fixtures';
import { findMiniLm } from './node-minilm';

/**
 * The reference executor does about 5e8 multiply-adds a second. A case of more than this many, 20 s, is left to
 * the fast executors; the fixtures that come with the project are all below it.
 */
const LARGEST_COST = 1e10;

const executor = createReferenceExecutor();
const cases = await networkCases(nodeFixtures(fixturesFolder()), await findMiniLm());

describe('networks on the reference executor', () => {
  for (const networkCase of cases) {
    const test = networkCase.cost > LARGEST_COST ? it.skip : it;
    test(networkCase.name, () => checkNetworkCase(networkCase, executor));
  }
});
