/** The engine with Kinora's own kernels, in the page, so that its GPU objects can be counted: a real model, small clips, every end of a job. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createBrowserEnvironment } from '../../src/engine/browser-environment';
import { KinoraEngine } from '../../src/engine/engine';
import type { Clip, GenerateOptions, Progress, TuningReport } from '../../src/engine/types';
import { countGpuObjects, type LiveGpu } from './live-gpu';

const SMALL = { prompt: 'a red fox runs through snow', seed: 11, width: 32, height: 32, frames: 5, steps: 3, guidance: 2 };

let live: LiveGpu;
let engine: KinoraEngine;
let first: Clip;
const make = (options: GenerateOptions = {}, change = {}): Promise<Clip> =>
  engine.generate({ ...SMALL, ...change }, { backend: 'wgsl', keepLatents: true, ...options });

beforeAll(async () => {
  live = countGpuObjects();
  engine = new KinoraEngine(createBrowserEnvironment({ modelBase: new URL('/models/', location.href).href }));
  first = await make();
}, 180_000);
afterAll(async () => {
  await engine.dispose();
  vi.restoreAllMocks();
});

describe('a clip on our own kernels', () => {
  it('says so in its report', () => {
    const { plan, notes } = first.report;
    expect([plan.textEncoder.backend, plan.transformer.backend, plan.autoencoder.backend]).toEqual(['wgsl', 'wgsl', 'wgsl']);
    expect(plan.reason).toContain('was asked for');
    expect(notes).toEqual([expect.stringContaining('faster here')]);
  });

  it('is the same again, bit for bit, also when its plan is run again', async () => {
    expect((await make()).report.latentsSha256).toBe(first.report.latentsSha256);
    const replayed = await make({ backend: 'auto', plan: first.report.plan });
    expect(replayed.report.latentsSha256).toBe(first.report.latentsSha256);
  });
});

describe('the loop stays on the GPU', () => {
  it('reads back one text state a prompt, one preview with its state a step, and one set of I420 pictures a latent frame', async () => {
    live.clearReadBacks();
    const progress: Progress[] = [];
    const clip = await engine.generate(SMALL, { backend: 'wgsl', onProgress: (report) => progress.push(report) });
    const [latents, preview] = [48 * 2 * 4 * 4 * 4, 2 * 4 * 4 * 4];
    const pictures = (4 * (32 * 32 * 3)) / 2;
    const prompts = live.readBacks.slice(0, 2);
    expect(live.readBacks.slice(2)).toEqual([...new Array(SMALL.steps).fill(latents + preview), pictures, pictures]);
    expect(prompts).toEqual([clip.report.prompt.tokens * 384 * 4, 2 * 384 * 4]);
    expect(clip.report.latentsSha256).toBe(first.report.latentsSha256);
    expect(progress.filter((report) => report.preview).map((report) => report.preview!.frames.length)).toEqual([2, 2, 2]);
  });

  it('makes the video that pixels would have made', async () => {
    vi.useFakeTimers({ toFake: ['Date'] }); // files hold the time they were made at
    const [planar, pixels] = [await make(), await make({ keepFrames: true })];
    vi.useRealTimers();
    expect(new Uint8Array(await planar.blob.arrayBuffer())).toEqual(new Uint8Array(await pixels.blob.arrayBuffer()));
  });
});

describe('nothing is left on the GPU', () => {
  /** What a loaded model holds between jobs. */
  const held = () => ({ devices: live.devices.size, objects: live.objects.size, bytes: live.bytes });

  it('after a clip, a stopped one and a failed one: always the same model', async () => {
    const before = held();
    expect(before.devices).toBe(1);
    await make();
    expect(held()).toEqual(before);

    const stop = new AbortController();
    const stopped = make({ signal: stop.signal, onProgress: ({ phase, done }) => phase === 'denoise' && done === 1 && stop.abort() });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    expect(held()).toEqual(before);
    expect(await engine.partial()).toMatchObject({ stepsDone: 1 });

    const failed = make({ onProgress: ({ phase, done }) => phase === 'denoise' && done === 1 && refuseACommand() });
    await expect(failed).rejects.toMatchObject({ code: 'internal', message: 'The GPU refused a command.' });
    expect(held()).toEqual(before);
    expect((await make()).report.latentsSha256).toBe(first.report.latentsSha256);
    expect(held()).toEqual(before);
  });

  /** A write to a buffer that can't be written to: a validation error, told out of band. */
  function refuseACommand(): void {
    const [device] = live.devices;
    const unwritable = device!.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE });
    device!.queue.writeBuffer(unwritable, 0, new Uint32Array(4));
    unwritable.destroy();
  }
});

it('knows the memory of a whole job before it allocates anything', () => {
  const { plannedBytes, plannedLeastBytes, peakBytes } = first.report.memory!;
  expect(peakBytes / plannedBytes).toBeGreaterThan(0.9);
  expect(peakBytes / plannedBytes).toBeLessThan(1.1);
  expect(plannedLeastBytes).toBeLessThan(plannedBytes);
});

describe('a lost device', () => {
  const loseAt = (steps: readonly number[]) => {
    const left = [...steps];
    return {
      onProgress: ({ phase, done }: Progress) => {
        if (phase !== 'denoise' || done !== left[0]) return;
        left.shift();
        for (const device of live.devices) device.destroy();
      },
    };
  };

  it('costs no finished step: the clip is the one it would have been', async () => {
    const made = vi.fn();
    live.onDevice = made;
    const { report } = await make(loseAt([2]));
    expect(made).toHaveBeenCalledTimes(1);
    expect(report.latentsSha256).toBe(first.report.latentsSha256);
    expect(report.stepSeconds).toHaveLength(SMALL.steps);
    expect(report.notes).toContainEqual(expect.stringContaining('was lost once'));
    expect(live.devices.size).toBe(1);
  });

  it('is not set up a second time in one job: the finished steps wait for the user', async () => {
    await expect(make(loseAt([1, 2]))).rejects.toMatchObject({ code: 'device-lost', message: expect.stringContaining('twice') });
    expect(await engine.partial()).toMatchObject({ stepsDone: 2 });
    expect(live.objects.size).toBe(0);
    const { report } = await make({ resume: true });
    expect(report.latentsSha256).toBe(first.report.latentsSha256);
    expect(report.stepSeconds).toHaveLength(1);
  });
});

describe('memory that runs out', () => {
  it('leaves one network on the GPU at a time, and the clip is the one it would have been', async () => {
    await make();
    const before = { devices: live.devices.size, bytes: live.bytes };
    const full = vi.spyOn(GPUDevice.prototype, 'popErrorScope').mockResolvedValueOnce(new GPUOutOfMemoryError('injected'));
    const notes: string[] = [];
    const { report } = await make({ onProgress: ({ note }) => void (note && notes.push(note)) }, { height: 64 });
    full.mockRestore();
    expect(report.notes).toContainEqual(expect.stringContaining('one network in memory at a time'));
    expect(notes).toContainEqual(expect.stringContaining('one network in memory at a time'));
    expect(live.devices.size).toBe(before.devices);
    // The decoder alone is left.
    expect(live.bytes).toBeLessThan(before.bytes / 2);
    expect((await make()).report.latentsSha256).toBe(first.report.latentsSha256);
  });
});

describe('measuring the device', () => {
  it('times every class of kernels and both backends, keeps it for the jobs after it, and a plan without it still replays', async () => {
    const steps: string[] = [];
    const { isOrtWebGpuStored } = createBrowserEnvironment({ modelBase: '' });
    expect(await isOrtWebGpuStored()).toBe(false);
    const report = await engine.tune({ onProgress: ({ what, done, total }) => steps.push(`${what} ${done}/${total}`) });
    expect(report.kernels.map(({ key }) => key)).toEqual(
      expect.arrayContaining(['gemm.i8g32.many', 'gemm.i8g32.few', 'attention.64.short', 'conv2d.3.wide']),
    );
    expect(steps.at(-1)).toBe('networks 2/2');
    expect(await isOrtWebGpuStored()).toBe(true);
    expect(report.networks.autoencoder.wgsl).toBeGreaterThan(0);
    expect(report.networks.textEncoder['ort-webgpu']).toBeGreaterThan(0);
    expect((await engine.capabilities()).tuning.exact).toEqual(report);
    expect(live.devices.size).toBe(0);
    const tuned = await make();
    const chosen = report.kernels.filter((kernel) => kernel.chosen !== kernel.byDefault).map((kernel) => [kernel.key, kernel.chosen]);
    expect(tuned.report.plan.transformer.variants).toMatchObject(Object.fromEntries(chosen));
    const error = Math.max(...tuned.latents!.map((value, index) => Math.abs(value - first.latents![index]!)));
    expect(error).toBeLessThan(1e-3);
    expect((await make({ plan: first.report.plan })).report.latentsSha256).toBe(first.report.latentsSha256);
    expect((await make({ plan: tuned.report.plan })).report.latentsSha256).toBe(tuned.report.latentsSha256);
  }, 300_000);
});

describe('auto on a hardware adapter', () => {
  it('shares one device between our kernels and onnxruntime-web, and gives it back', async () => {
    await engine.dispose();
    const environment = createBrowserEnvironment({ modelBase: new URL('/models/', location.href).href });
    const facts = await environment.detectDevice();
    // The adapter here is software; what is under test is what a hardware one would get.
    const webgpu = { ...facts.webgpu, software: false };
    const measured: TuningReport = {
      key: facts.tuningKey!,
      adapter: facts.webgpu.adapter!,
      precision: 'exact',
      measured: '2026-11-26T00:00:00Z',
      kernels: [],
      networks: { textEncoder: { wgsl: 2, 'ort-webgpu': 1 }, autoencoder: { wgsl: 1, 'ort-webgpu': 2 } },
      problems: [],
    };
    const kept = { ...environment.kept, get: async (key: string) => (key === 'tuning:exact' ? measured : undefined) };
    const before = { devices: live.devices.size, objects: live.objects.size };
    engine = new KinoraEngine({ ...environment, kept, detectDevice: async () => ({ ...facts, webgpu }) });
    let most = 0;
    live.onDevice = () => (most = Math.max(most, live.devices.size - before.devices));
    const clip = await make({ backend: 'auto' });
    const { plan } = clip.report;
    expect([plan.textEncoder.backend, plan.transformer.backend, plan.autoencoder.backend]).toEqual(['ort-webgpu', 'wgsl', 'wgsl']);
    expect(plan.textEncoder.adapter).toBe(plan.transformer.adapter);
    expect(most).toBe(1);
    // The same arithmetic but for the text encoder's rounding.
    const error = Math.max(...clip.latents!.map((value, index) => Math.abs(value - first.latents![index]!)));
    expect(error).toBeLessThan(1e-2);
    await engine.dispose();
    await vi.waitFor(() => expect(live.devices.size).toBe(before.devices));
    expect(live.objects.size).toBe(before.objects);
  }, 180_000);
});
