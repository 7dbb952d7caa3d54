/**
 * The published error budget of `fast` (docs/performance.md) on our kernels: clips of the bundled model at its default steps, int8 and f16 as
 * hardware runs them, against `exact` on ONNX Runtime. KINORA_PARITY_PROMPTS is how many prompts to try at the model's own size and length, 8 at most:
 * half a minute each. Else one at half the size and a third of the length: the same kernels as often one after the other. `npm run bench` measures all 8.
 */
import { expect, test } from 'vitest';
import { clipErrors, makeClips, PROMPTS } from '../../scripts/bench/error-budget';
import { createOrtExecutor } from '../../src/backends/ort';
import type { ModelManifest } from '../../src/weights/manifest';
import { testExecutor } from '../backends/wgsl/device';
import { onDriver } from '../dawn/on-driver';
import { fastChoices } from './fast-choices';
import { packedStorybook } from './node-storybook';

const whole = process.env.KINORA_PARITY_PROMPTS;
const prompts = PROMPTS.slice(0, Number(whole ?? 1));
const BUDGET = { stepErrorMean: 0.015, stepErrorWorst: 0.025, psnrMean: 44, psnrWorst: 38 };

await onDriver(
  'lavapipe',
  () => {
    test(`clips of ${prompts.length} of ${PROMPTS.length} prompts stay within the error budget`, { timeout: 400_000 }, async () => {
      const { bundle: model } = await packedStorybook();
      const spec = { ...(model.manifest as ModelManifest).defaults, ...(whole === undefined ? { width: 64, height: 64, frames: 9 } : {}) };
      const { executor, device } = await testExecutor({ software: false, precision: 'fast', choices: fastChoices({ int8: true }) });
      const wasm = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
      try {
        expect(executor.plan).toMatchObject({ precision: 'fast', variants: { f16: true, int8: true } });
        const errors = clipErrors(await makeClips(model, executor, spec, prompts), await makeClips(model, wasm, spec, prompts));
        console.log(JSON.stringify(errors));
        expect(errors.stepErrorMean).toBeGreaterThan(1e-4); // not the same arithmetic by mistake
        expect(errors.stepErrorMean).toBeLessThanOrEqual(BUDGET.stepErrorMean);
        expect(errors.stepErrorWorst).toBeLessThanOrEqual(BUDGET.stepErrorWorst);
        expect(errors.psnrMean).toBeGreaterThanOrEqual(BUDGET.psnrMean);
        expect(errors.psnrWorst).toBeGreaterThanOrEqual(BUDGET.psnrWorst);
        expect(executor.liveBuffers).toBe(0);
      } finally {
        await wasm.dispose();
        device.destroy();
      }
    });
  },
  { heavy: whole !== undefined },
);
