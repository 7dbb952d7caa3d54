import { afterAll, describe, expect, it } from 'vitest';
import { testExecutor } from '../backends/wgsl/device';
import { browserFixtures, fetchMiniLm } from './browser-fixtures';
import { checkNetworkCase, networkCases } from './network-cases';

/** Multiply-adds that a software adapter, at about 1e9 a second, does in some seconds; larger cases are for hardware. */
const LARGEST_COST = 5e8;

const { executor, device } = await testExecutor();
const cases = await networkCases(browserFixtures(), await fetchMiniLm());
afterAll(() => device.destroy());

describe('networks on our own WGSL (exact)', () => {
  for (const networkCase of cases) {
    const test = networkCase.cost > LARGEST_COST ? it.skip : it;
    test(networkCase.name, async () => {
      device.pushErrorScope('validation');
      await checkNetworkCase(networkCase, executor);
      expect(await device.popErrorScope()).toBeNull();
      expect(executor.liveBuffers).toBe(0);
    });
  }
});
