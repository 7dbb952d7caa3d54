import { expect, it } from 'vitest';

interface Answer {
  readonly used: number;
  readonly results: readonly Float32Array[];
  readonly error?: string;
}

function runInWorker(threads: number): Promise<Answer> {
  const worker = new Worker(new URL('./determinism-worker.ts', import.meta.url), { type: 'module' });
  return new Promise<Answer>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => (data.error === undefined ? resolve(data) : reject(new Error(data.error)));
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(threads);
  }).finally(() => worker.terminate());
}

it('gives the same bits in a worker for 1, 2 and 3 threads', async () => {
  const [one, two, three] = [await runInWorker(1), await runInWorker(2), await runInWorker(3)];
  expect([one.used, two.used, three.used]).toEqual([1, 2, 3]);
  expect(one.results.length).toBeGreaterThan(100);
  const bits = ({ results }: Answer) => results.map((data) => new Uint32Array(data.buffer));
  const [first, second, third] = [one, two, three].map(bits);
  first!.forEach((result, i) => {
    expect(second![i]).toEqual(result);
    expect(third![i]).toEqual(result);
  });
});
