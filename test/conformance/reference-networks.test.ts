import { describe, it } from 'vitest';
import { createReferenceExecutor } from '../../src/graph/reference';
import { describeComparison } from './comparison';
import { fixturesFolder } from './json-cases';
import { checkNetworkCase, networkCases } from './network-cases';
import { nodeFixtures } from './node-fixtures';
import { findMiniLm } from './node-minilm';

/**
 * The reference executor does 0.5 to 1e9 multiply-adds a second. A case of more than this many, 10 to 20 s, is left
 * to the fast executors; the fixtures that come with the project are all far below it.
 */
const LARGEST_COST = 1e10;

const executor = createReferenceExecutor();
const cases = await networkCases(nodeFixtures(fixturesFolder()), await findMiniLm());

describe('networks on the reference executor', () => {
  for (const networkCase of cases) {
    const test = networkCase.cost > LARGEST_COST ? it.skip : it;
    test(networkCase.name, async () => {
      const comparisons = await checkNetworkCase(networkCase, executor);
      if (process.env.KINORA_VERBOSE) console.log(comparisons.map(describeComparison).join('\n'));
    });
  }
});
