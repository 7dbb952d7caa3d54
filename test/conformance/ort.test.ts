import { afterAll, describe, it } from 'vitest';
import { createOrtExecutor } from '../../src/backends/ort';
import { fixturesFolder } from './json-cases';
import { checkNetworkCase, networkCases } from './network-cases';
import { nodeFixtures } from './node-fixtures';
import { findMiniLm } from './node-minilm';

const executor = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
const cases = await networkCases(nodeFixtures(fixturesFolder()), await findMiniLm());
afterAll(() => executor.dispose());

describe('networks on ONNX Runtime (wasm, exact)', () => {
  for (const networkCase of cases) it(networkCase.name, () => checkNetworkCase(networkCase, executor));
});
