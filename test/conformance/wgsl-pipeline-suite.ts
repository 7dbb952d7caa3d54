import { afterAll, describe, expect, it } from 'vitest';
import { testExecutor } from '../backends/wgsl/device';
import type { WgslOptions } from '../../src/backends/wgsl/create-wgsl-executor';
import type { Arithmetic } from './comparison';
import { checkPipelineCase, type PipelineCase } from './pipeline-cases';

/** Pipeline fixtures on our own WGSL, on `navigator.gpu`: in `exact`, or in `fast` with the arithmetic that `choices` come to. */
export async function wgslPipelineSuite(
  cases: readonly PipelineCase[],
  { arithmetic = 'f32', ...options }: Partial<Omit<WgslOptions, 'precision'>> & { readonly arithmetic?: Arithmetic } = {},
): Promise<void> {
  const precision = arithmetic === 'f32' ? 'exact' : 'fast';
  const { executor, device } = await testExecutor({ ...options, precision });
  if (executor.plan.precision !== precision) throw new Error('This adapter cannot run in that precision.');
  if (cases.length === 0) throw new Error('No pipeline fixture is left to run.');
  afterAll(() => device.destroy());
  describe(`pipeline on our own WGSL (${precision}, ${arithmetic})`, () => {
    for (const pipelineCase of cases)
      it(pipelineCase.name, async () => {
        device.pushErrorScope('validation');
        await checkPipelineCase(pipelineCase, executor, arithmetic);
        expect(await device.popErrorScope()).toBeNull();
        expect(executor.liveBuffers).toBe(0);
      });
  });
}
