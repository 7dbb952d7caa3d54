import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { createOrtExecutor } from '../../src/backends/ort';
import { KinoraError } from '../../src/errors';
import { createReferenceExecutor } from '../../src/graph/reference';
import { moduleListLayout } from '../../src/networks/module-list-layout';
import { checkNetworkCase } from './network-cases';
import { nodeFixtures } from './node-fixtures';
import { taewCases } from './taew-cases';

/** An autoencoder that is a module list, computed in PyTorch: test/golden-autoencoder/make.py. */
const folder = nodeFixtures(fileURLToPath(new URL('../golden-autoencoder/', import.meta.url)));
const cases = await taewCases(folder);
const executors = { reference: createReferenceExecutor(), wasm: await createOrtExecutor({ provider: 'wasm', precision: 'exact' }) };
afterAll(() => executors.wasm.dispose());

it('has a decoder and an encoder', () => expect(cases).toHaveLength(2));

describe.each(Object.entries(executors))('a module-list autoencoder on %s', (_, executor) => {
  for (const networkCase of cases) it(networkCase.name, () => checkNetworkCase(networkCase, executor));
});

describe('a module list of unknown origin', async () => {
  const config = (await folder.readJson('taew/module-list/config.json')) as Record<string, unknown>;
  const conv = { type: 'conv', in: 4, out: 4, kernel: 3, bias: true };
  const nested = (depth: number): object => (depth === 0 ? conv : { type: 'sum', branches: [[nested(depth - 1)]] });
  it.each<[string, object, RegExp]>([
    ['another class', { _class: 'Other' }, /"_class" must be "ModuleListAutoencoder"/],
    ['no list', { decoder: 'conv' }, /"decoder" must be a list/],
    ['an empty list', { decoder: [] }, /"decoder" must be a list of 1 to/],
    ['a module that is not an object', { decoder: [3] }, /decoder 0 is not a JSON object/],
    ['an unknown module', { decoder: [{ type: 'eval' }] }, /decoder 0: "type" must be one of/],
    ['an even kernel', { encoder: [{ ...conv, kernel: 2 }] }, /encoder 0: "kernel" must be an odd number/],
    ['a sum without branches', { decoder: [{ type: 'sum' }] }, /"branches" must be 1 to/],
    ['sums without end', { decoder: [nested(40)] }, /nest at most 4 deep/],
    ['a list too long', { decoder: Array.from({ length: 5000 }, () => conv) }, /"decoder" must be a list/],
  ])('%s is refused', (_, change, message) => {
    const read = () => moduleListLayout({ ...config, ...change });
    expect(read).toThrow(message);
    expect(read).toThrow(KinoraError);
  });
});
