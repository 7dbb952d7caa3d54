import { afterAll, expect, it } from 'vitest';
import { testExecutor } from '../backends/wgsl/device';
import config from '../golden-autoencoder/taew/module-list/config.json?url';
import goldens from '../golden-autoencoder/taew/module-list/golden.safetensors?url';
import weights from '../golden-autoencoder/taew/module-list/weights.safetensors?url';
import type { FixtureFolder } from './fixture-folder';
import { checkNetworkCase } from './network-cases';
import { taewCases } from './taew-cases';

const FILES: Readonly<Record<string, string>> = {
  'taew/module-list/config.json': config,
  'taew/module-list/golden.safetensors': goldens,
  'taew/module-list/weights.safetensors': weights,
};
const readBytes = async (path: string) => new Uint8Array(await (await fetch(FILES[path]!)).arrayBuffer());
const folder: FixtureFolder = {
  list: async (path) => Object.keys(FILES).filter((name) => name.startsWith(path)),
  readBytes,
  readJson: async (path) => JSON.parse(new TextDecoder().decode(await readBytes(path))) as unknown,
};

const { executor, device } = await testExecutor();
afterAll(() => device.destroy());

for (const networkCase of await taewCases(folder))
  it(`${networkCase.name} on our own WGSL (exact)`, async () => {
    device.pushErrorScope('validation');
    await checkNetworkCase(networkCase, executor);
    expect(await device.popErrorScope()).toBeNull();
    expect(executor.liveBuffers).toBe(0);
  });
