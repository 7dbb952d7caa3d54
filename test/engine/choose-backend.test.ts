import { describe, expect, it } from 'vitest';
import { chooseBackend } from '../../src/engine/choose-backend';
import type { DeviceFacts } from '../../src/engine/device';
import { TWO_CORES } from './fakes';

const HARDWARE: DeviceFacts = {
  ...TWO_CORES,
  webgpu: { available: true, adapter: 'nvidia ampere', software: false, reason: 'WebGPU runs on nvidia ampere.' },
};
const SOFTWARE: DeviceFacts = {
  ...TWO_CORES,
  webgpu: { available: true, adapter: 'google swiftshader', software: true, reason: 'The only adapter is emulated.' },
};

describe('auto', () => {
  it('takes WebGPU on a hardware adapter only', () => {
    expect(chooseBackend({}, HARDWARE)).toMatchObject({ backend: 'ort-webgpu', reason: 'WebGPU runs on nvidia ampere.', notes: [] });
    expect(chooseBackend({}, SOFTWARE)).toMatchObject({
      backend: 'ort-wasm',
      reason: 'The only adapter is emulated. The CPU is used.',
      notes: [],
    });
    expect(chooseBackend({}, TWO_CORES)).toMatchObject({
      backend: 'ort-wasm',
      reason: 'This browser has no WebGPU. The CPU is used.',
      notes: [],
    });
  });
});

describe('a choice of the user’s', () => {
  it('is honoured, with a note where it costs', () => {
    expect(chooseBackend({ backend: 'ort-wasm' }, HARDWARE)).toMatchObject({ backend: 'ort-wasm', reason: 'The CPU was asked for.' });
    expect(chooseBackend({ backend: 'ort-webgpu' }, HARDWARE)).toMatchObject({ backend: 'ort-webgpu', notes: [] });
    const { backend, notes } = chooseBackend({ backend: 'ort-webgpu' }, SOFTWARE);
    expect(backend).toBe('ort-webgpu');
    expect(notes).toEqual([expect.stringContaining('faster')]);
  });

  it('is refused where it is not to be had', () => {
    expect(() => chooseBackend({ backend: 'ort-webgpu' }, TWO_CORES)).toThrow(
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
