import { describe, expect, it } from 'vitest';
import { chooseBackend } from '../../src/engine/choose-backend';
import type { ExecutionPlan } from '../../src/engine/types';
import type { TunedFacts } from '../../src/engine/tuning';
import { TWO_CORES as PLAIN } from './fakes';

const TWO_CORES: TunedFacts = { ...PLAIN, tuned: {} };

const HARDWARE: TunedFacts = {
  ...TWO_CORES,
  webgpu: { available: true, adapter: 'nvidia ampere', software: false, reason: 'WebGPU runs on nvidia ampere.' },
};
const SOFTWARE: TunedFacts = {
  ...TWO_CORES,
  webgpu: { available: true, adapter: 'google swiftshader', software: true, reason: 'The only adapter is emulated.' },
};

const everywhere = (backend: string) => ({ textEncoder: backend, transformer: backend, autoencoder: backend });

describe('auto', () => {
  it('takes WebGPU on a hardware adapter only', () => {
    expect(chooseBackend({}, HARDWARE)).toMatchObject({
      backend: 'wgsl',
      networks: everywhere('wgsl'),
      threads: 1,
      reason: 'WebGPU runs on nvidia ampere, on Kinora’s own kernels.',
      notes: [],
    });
    expect(chooseBackend({}, SOFTWARE)).toMatchObject({
      backend: 'ort-wasm',
      networks: everywhere('ort-wasm'),
      reason: 'The only adapter is emulated. The CPU is used.',
      notes: [],
    });
    expect(chooseBackend({}, TWO_CORES)).toMatchObject({
      backend: 'ort-wasm',
      reason: 'This browser has no WebGPU. The CPU is used.',
      notes: [],
    });
  });

  it('takes what was measured faster for the networks around the loop, on hardware only', () => {
    const tuned = { exact: { kernels: { 'gemm.f32.few': 'small' }, faster: { textEncoder: 'ort-webgpu', autoencoder: 'wgsl' } } } as const;
    expect(chooseBackend({}, { ...HARDWARE, tuned })).toMatchObject({
      backend: 'wgsl',
      networks: { ...everywhere('wgsl'), textEncoder: 'ort-webgpu' },
      choices: { 'gemm.f32.few': 'small' },
      reason: 'WebGPU runs on nvidia ampere, on Kinora’s own kernels; the text encoder on onnxruntime-web, measured faster here.',
    });
    expect(chooseBackend({}, { ...SOFTWARE, tuned })).toMatchObject({ networks: everywhere('ort-wasm'), choices: {} });
    expect(chooseBackend({ precision: 'fast' }, { ...HARDWARE, tuned })).toMatchObject({ networks: everywhere('wgsl'), choices: {} });
    expect(chooseBackend({ backend: 'wgsl' }, { ...HARDWARE, tuned })).toMatchObject({ networks: everywhere('wgsl') });
  });
});

describe('a choice of the user’s', () => {
  it.each(['wgsl', 'ort-webgpu'] as const)('%s is honoured for every network, with a note where it costs', (backend) => {
    expect(chooseBackend({ backend }, HARDWARE)).toMatchObject({ backend, networks: everywhere(backend), notes: [] });
    const chosen = chooseBackend({ backend }, SOFTWARE);
    expect(chosen.networks).toEqual(everywhere(backend));
    expect(chosen.notes).toEqual([expect.stringContaining('faster')]);
  });

  it('for the CPU is honoured', () => {
    expect(chooseBackend({ backend: 'ort-wasm' }, HARDWARE)).toMatchObject({ backend: 'ort-wasm', reason: 'The CPU was asked for.' });
  });

  it('is refused where it is not to be had', () => {
    for (const backend of ['wgsl', 'ort-webgpu'] as const)
      expect(() => chooseBackend({ backend }, TWO_CORES)).toThrow(
        expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('no WebGPU') }),
      );
  });
});

describe('a choice that does not exist', () => {
  it.each([{ backend: 'cuda' }, { precision: 'half' }])('%j is refused', (options) => {
    expect(() => chooseBackend(options as never, TWO_CORES)).toThrow(expect.objectContaining({ code: 'invalid-spec' }));
  });
});

describe('threads', () => {
  it.each([
    [1, undefined, 1],
    [2, undefined, 2],
    [6, undefined, 6],
    [64, undefined, 8],
    [2, 4, 4],
    [8, 1, 1],
  ])('%d processors, asked for %j: %d', (processors, threads, expected) => {
    expect(chooseBackend(threads === undefined ? {} : { threads }, { ...TWO_CORES, processors }).threads).toBe(expected);
  });

  it('are one, with a note, where the page is not isolated', () => {
    const facts = { ...TWO_CORES, crossOriginIsolated: false, processors: 8 };
    expect(chooseBackend({ threads: 4 }, facts)).toMatchObject({
      threads: 1,
      notes: [expect.stringContaining('not cross-origin isolated')],
    });
    expect(chooseBackend({}, { ...facts, processors: 1 }).notes).toEqual([]);
  });

  it.each([0, -1, 1.5, 65, NaN])('can’t be %j', (threads) => {
    expect(() => chooseBackend({ threads }, TWO_CORES)).toThrow(expect.objectContaining({ code: 'invalid-spec' }));
  });
});

describe('a plan', () => {
  const ran = (backend: string, threads = 1) => ({ backend, build: 'b', precision: 'exact', threads, adapter: 'a', variants: {} }) as const;
  const plan: ExecutionPlan = {
    requested: { backend: 'auto', precision: 'exact' },
    reason: 'It was so.',
    textEncoder: ran('ort-webgpu'),
    transformer: ran('wgsl'),
    autoencoder: ran('wgsl'),
  };

  it('decides the backend of every network, whatever is faster by now', () => {
    const tuned = { exact: { kernels: {}, faster: { textEncoder: 'wgsl', autoencoder: 'ort-webgpu' } } } as const;
    expect(chooseBackend({ plan, backend: 'ort-wasm' }, { ...HARDWARE, tuned })).toMatchObject({
      backend: 'wgsl',
      networks: { textEncoder: 'ort-webgpu', transformer: 'wgsl', autoencoder: 'wgsl' },
      reason: 'It was so.',
      replay: plan,
    });
  });

  it.each([
    [plan, TWO_CORES, 'no WebGPU'],
    [{ ...plan, autoencoder: ran('cuda') }, HARDWARE, 'cuda'],
    [{ ...plan, transformer: ran('ort-wasm', 2) }, { ...HARDWARE, crossOriginIsolated: false }, '2 threads'],
  ])('that can’t be met here is refused, %#', (wanted, facts, message) => {
    expect(() => chooseBackend({ plan: wanted }, facts)).toThrow(
      expect.objectContaining({ code: 'unsupported', message: expect.stringContaining(message) }),
    );
  });
});
