import { afterAll, describe, expect, it } from 'vitest';
import { testExecutor } from '../backends/wgsl/device';
import type { WgslOptions } from '../../src/backends/wgsl/create-wgsl-executor';
import type { FixtureFolder } from './fixture-folder';
import type { Arithmetic } from './comparison';
import type { MiniLmFile } from './minilm-cases';
import type { NetworkCase } from './network-case';
import { checkNetworkCase, networkCases } from './network-cases';

/** Multiply-adds that a software adapter, at about 1e9 a second, does in some seconds; larger cases are for hardware. */
const LARGEST_COST = 5e8;

/** What of the suite runs, and how. */
export interface WgslSuiteOptions extends Partial<Omit<WgslOptions, 'precision'>> {
  /** `exact` is f32; the others are `fast` with the arithmetic that `choices` come to. */
  readonly arithmetic?: Arithmetic;
  readonly only?: (networkCase: NetworkCase) => boolean;
}

/** All network fixtures on our own WGSL, on `navigator.gpu`. */
export async function wgslNetworkSuite(
  folder: FixtureFolder,
  miniLm: MiniLmFile,
  { only = () => true, arithmetic = 'f32', ...options }: WgslSuiteOptions = {},
): Promise<void> {
  const precision = arithmetic === 'f32' ? 'exact' : 'fast';
  const { executor, device } = await testExecutor({ ...options, precision });
  if (executor.plan.precision !== precision) throw new Error('This adapter cannot run in that precision.');
  const cases = (await networkCases(folder, miniLm)).filter(only);
  if (cases.length === 0) throw new Error('No network fixture is left to run.');
  afterAll(() => device.destroy());
  describe(`networks on our own WGSL (${precision}, ${arithmetic})`, () => {
    for (const networkCase of cases) {
      const test = networkCase.cost > LARGEST_COST ? it.skip : it;
      test(networkCase.name, async () => {
        device.pushErrorScope('validation');
        await checkNetworkCase(networkCase, executor, arithmetic);
        expect(await device.popErrorScope()).toBeNull();
        expect(executor.liveBuffers).toBe(0);
      });
    }
  });
}
