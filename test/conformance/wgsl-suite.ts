import { afterAll, describe, expect, it } from 'vitest';
import { testExecutor } from '../backends/wgsl/device';
import type { FixtureFolder } from './fixture-folder';
import type { MiniLmFile } from './minilm-cases';
import { checkNetworkCase, networkCases } from './network-cases';

/** Multiply-adds that a software adapter, at about 1e9 a second, does in some seconds; larger cases are for hardware. */
const LARGEST_COST = 5e8;

/**
 * All network fixtures on our own WGSL, on `navigator.gpu`. `tiled` takes the kernels of hardware adapters; `fast` f16 and int8 arithmetic, judged
 * by the f16 column of test/fixtures/README.md.
 */
export async function wgslNetworkSuite(
  folder: FixtureFolder,
  miniLm: MiniLmFile,
  { tiled = false, fast = false }: { readonly tiled?: boolean; readonly fast?: boolean } = {},
): Promise<void> {
  const { executor, device } = await testExecutor({
    ...(tiled ? { software: false } : {}),
    precision: fast ? 'fast' : 'exact',
  });
  const cases = await networkCases(folder, miniLm);
  afterAll(() => device.destroy());
  describe(`networks on our own WGSL (${fast ? 'fast' : 'exact'}${tiled ? ', kernels of hardware adapters' : ''})`, () => {
    for (const networkCase of cases) {
      const test = networkCase.cost > LARGEST_COST ? it.skip : it;
      test(networkCase.name, async () => {
        device.pushErrorScope('validation');
        await checkNetworkCase(networkCase, executor, fast ? 'f16' : 'f32');
        expect(await device.popErrorScope()).toBeNull();
        expect(executor.liveBuffers).toBe(0);
      });
    }
  });
}
