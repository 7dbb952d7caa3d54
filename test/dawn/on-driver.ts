import { test } from 'vitest';
import { openDawn } from '../../scripts/dawn.mjs';

/**
 * Declares a suite that runs in Node through Dawn on one driver, as `navigator.gpu`. Where the driver is missing the suite is skipped with the
 * reason in its name; with KINORA_REQUIRE_DAWN=1 (build machines) that is a failure. One file a driver: a process serves one.
 */
export async function onDriver(driver: 'swiftshader' | 'lavapipe', suite: (adapter: GPUAdapter) => void | Promise<void>): Promise<void> {
  const { adapter, reason } = await openDawn(driver);
  if (adapter) return suite(adapter);
  if (process.env.KINORA_REQUIRE_DAWN) throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  test.skip(`not run: ${reason}`, () => {});
}
