import { createOrtExecutor } from '../../../src/backends/ort';
import { createReferenceExecutor } from '../../../src/graph/reference';
import { opCases } from './op-cases';
import { relativeError, runCase } from './parity';

// Vitest sends dynamic imports through its runner, which is in the outer page only.
Object.assign(globalThis, { __vitest_browser_runner__: { wrapDynamicImport: (load: () => Promise<unknown>) => load() } });

export interface CspAnswer {
  readonly evalAllowed: boolean;
  readonly errors: Readonly<Record<string, number>>;
  readonly failure?: string;
}

/** Runs under a content security policy: one case of some ops on every provider; answers with their largest errors. */
async function answer(): Promise<CspAnswer> {
  let evalAllowed = true;
  try {
    new Function('return 1')();
  } catch {
    evalAllowed = false;
  }
  const reference = createReferenceExecutor();
  const cases = ['linear', 'attention', 'conv2d', 'embedding'].map((op) => opCases().findLast((opCase) => opCase.op === op)!);
  const errors: Record<string, number> = {};
  for (const [provider, precision] of [
    ['wasm', 'exact'],
    ['webgpu', 'exact'],
  ] as const) {
    const executor = await createOrtExecutor({ provider, precision });
    errors[provider] = 0;
    for (const opCase of cases)
      errors[provider] = Math.max(
        errors[provider],
        relativeError((await runCase(executor, opCase)).data, (await runCase(reference, opCase)).data),
      );
    await executor.dispose();
  }
  return { evalAllowed, errors };
}

answer()
  .catch((error: unknown): CspAnswer => ({
    evalAllowed: false,
    errors: {},
    failure: `${String(error)} ${String((error as Error).cause ?? '')}`,
  }))
  .then((message) => parent.postMessage({ csp: message }, '*'));
