import { afterAll, describe, it } from 'vitest';
import { createOrtExecutor } from '../../src/backends/ort';
import { browserFixtures, fetchMiniLm } from './browser-fixtures';
import { checkNetworkCase, isOneOfEach, networkCases } from './network-cases';

/** Multiply-adds that a software adapter, at about 2e8 a second, does in some seconds; larger cases are for hardware. */
const LARGEST_COST = 2e8;

const executor = await createOrtExecutor({ provider: 'webgpu', precision: 'exact' });
const cases = (await networkCases(browserFixtures(), await fetchMiniLm())).filter(isOneOfEach);
afterAll(() => executor.dispose());

describe('networks on ONNX Runtime (webgpu, exact)', () => {
  for (const networkCase of cases) {
    const test = networkCase.cost > LARGEST_COST ? it.skip : it;
    test(networkCase.name, () => checkNetworkCase(networkCase, executor));
  }
});
