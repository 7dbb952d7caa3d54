import { describe, expect, it } from 'vitest';
import { printTuning, Tuning } from '../../src/app/tuning.svelte';
import type { TuneCallOptions, TuningReport } from '../../src/engine/types';
import { KinoraError } from '../../src/errors';

const REPORT: TuningReport = {
  key: 'ampere',
  adapter: 'nvidia ampere',
  precision: 'fast',
  measured: '2026-11-26T12:00:00Z',
  kernels: [
    {
      key: 'gemm.f16.many',
      sizes: [80, 256, 1024],
      byDefault: 'small',
      chosen: 'large',
      timings: [
        { configuration: 'small', ms: 0.5 },
        { configuration: 'large', ms: 0.25 },
      ],
      refused: ['huge'],
    },
  ],
  networks: { textEncoder: { wgsl: 2, 'ort-webgpu': 3 }, autoencoder: { wgsl: 4, 'ort-webgpu': null } },
  problems: ['gemm.f16.many: the GPU refused huge.'],
};

/** An engine whose measuring ends when the test says so. */
function fakeEngine() {
  const calls: TuneCallOptions[] = [];
  const ends: { resolve: (report: TuningReport) => void; reject: (error: Error) => void }[] = [];
  const tune = (options: TuneCallOptions = {}) => {
    calls.push(options);
    options.signal?.addEventListener('abort', () => ends.at(-1)!.reject(new KinoraError('aborted', 'Stopped.', 'Start again.')));
    return new Promise<TuningReport>((resolve, reject) => ends.push({ resolve, reject }));
  };
  return { kinora: { tune }, calls, ends };
}

describe('measuring', () => {
  it('says how far it is, once at a time, and gives the report', async () => {
    const { kinora, calls, ends } = fakeEngine();
    const tuning = new Tuning(kinora);
    expect([tuning.isRunning, tuning.status]).toEqual([false, '']);
    const made = tuning.measure('fast');
    expect([tuning.isRunning, tuning.status]).toEqual([true, 'Loading the model…']);
    expect(await tuning.measure('fast')).toBeNull();
    expect(calls.map(({ precision }) => precision)).toEqual(['fast']);
    calls[0]!.onProgress!({ what: 'kernels', done: 2, total: 9 });
    expect(tuning.status).toBe('Kernels: 2 of 9 measured…');
    calls[0]!.onProgress!({ what: 'networks', done: 1, total: 2 });
    expect(tuning.status).toContain('onnxruntime: 1 of 2');
    ends[0]!.resolve(REPORT);
    expect(await made).toBe(REPORT);
    expect([tuning.isRunning, tuning.status, tuning.error]).toEqual([false, '', null]);
  });

  it('stops without an error, and tells any other', async () => {
    const { kinora, ends } = fakeEngine();
    const tuning = new Tuning(kinora);
    const stopped = tuning.measure(null);
    tuning.stop();
    expect(await stopped).toBeNull();
    expect(tuning.error).toBeNull();
    const failed = tuning.measure(null);
    ends[1]!.reject(new KinoraError('unsupported', 'There is no graphics device.', 'Turn it on.'));
    expect(await failed).toBeNull();
    expect(tuning.error?.code).toBe('unsupported');
  });
});

it('prints every configuration with its time, and both backends', () => {
  expect(printTuning(REPORT).split('\n')).toEqual([
    'nvidia ampere, fast',
    'gemm.f16.many (80 x 256 x 1024)',
    '  small: 0.500 ms, default',
    '  large: 0.250 ms, chosen',
    'textEncoder: wgsl 2.000 ms, ort-webgpu 3.000 ms',
    'autoencoder: wgsl 4.000 ms, ort-webgpu not to be had',
    'gemm.f16.many: the GPU refused huge.',
  ]);
});
