import { test } from 'vitest';
import { openDawn } from '../../scripts/dawn.mjs';

/**
 * Declares a suite that runs in Node through Dawn on one driver, as `navigator.gpu`. Where the driver is missing the suite is skipped with the
 * reason in its name; with KINORA_REQUIRE_DAWN=1 (build machines) that is a failure. One file a driver: a process serves one. `heavy` is what
 * computes for longer than it compiles.
 */
export async function onDriver(
  driver: 'swiftshader' | 'lavapipe',
  suite: (adapter: GPUAdapter) => void | Promise<void>,
  { heavy = false } = {},
): Promise<void> {
  pollSlowly();
  // LLVM takes twice as long to compile a kernel with its passes as without; most kernels here run for milliseconds.
  if (driver === 'lavapipe' && !heavy) process.env.GALLIVM_PERF ??= 'nopt';
  const { adapter, reason } = await openDawn(driver);
  if (adapter) return suite(adapter);
  if (process.env.KINORA_REQUIRE_DAWN) throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  test.skip(`not run: ${reason}`, () => {});
}

/**
 * While anything is under way the webgpu package asks Dawn by `setImmediate`, again and again, whether it is done: a core that the driver could
 * compute on. Once a millisecond will do: half of the processor time of these tests.
 */
function pollSlowly(): void {
  const slowly = (callback: (...args: unknown[]) => void, ...args: unknown[]) => setTimeout(callback, 1, ...args);
  Object.assign(globalThis, { setImmediate: slowly });
}
