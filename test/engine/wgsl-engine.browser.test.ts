/** The engine with Kinora's own kernels, in the page, so that its GPU objects can be counted: a real model, small clips, every end of a job. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createBrowserEnvironment } from '../../src/engine/browser-environment';
import { KinoraEngine } from '../../src/engine/engine';
import type { Clip, GenerateOptions } from '../../src/engine/types';
import { countGpuObjects, type LiveGpu } from './live-gpu';

const SMALL = { prompt: 'a red fox runs through snow', seed: 11, width: 32, height: 32, frames: 5, steps: 3 };

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

describe('auto on a hardware adapter', () => {
  it('shares one device between our kernels and onnxruntime-web, and gives it back', async () => {
    await engine.dispose();
    const environment = createBrowserEnvironment({ modelBase: new URL('/models/', location.href).href });
    const facts = await environment.detectDevice();
    // The adapter here is software; what is under test is what a hardware one would get.
    const webgpu = { ...facts.webgpu, software: false };
    const faster = { textEncoder: 'ort-webgpu', autoencoder: 'wgsl' } as const;
    const before = { devices: live.devices.size, objects: live.objects.size };
    engine = new KinoraEngine({ ...environment, detectDevice: async () => ({ ...facts, webgpu, faster }) });
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
