import { createOrtExecutor } from '../../../src/backends/ort';
import { opCases } from './op-cases';
import { runCase } from './parity';

/** Runs every op case, in exact and in fast precision, with the number of threads in the message; answers with the number used and all results. */
self.onmessage = async ({ data: threads }: MessageEvent<number>) => {
  try {
    const results: Float32Array[] = [];
    let used = 0;
    for (const precision of ['exact', 'fast'] as const) {
      const executor = await createOrtExecutor({ provider: 'wasm', precision, threads });
      used = executor.plan.threads;
      for (const opCase of opCases()) results.push((await runCase(executor, opCase)).data);
      await executor.dispose();
    }
    postMessage({ used, results });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
