import { afterAll, describe, it } from 'vitest';
import { createOrtExecutor } from '../../src/backends/ort';
import { browserFixtures, fetchMiniLm } from './browser-fixtures';
import { checkNetworkCase, networkCases } from './network-cases';

const executor = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
const cases = await networkCases(browserFixtures(), await fetchMiniLm());
afterAll(() => executor.dispose());

describe('networks on ONNX Runtime (wasm, exact) in a browser', () => {
  for (const networkCase of cases) it(networkCase.name, () => checkNetworkCase(networkCase, executor));
});
