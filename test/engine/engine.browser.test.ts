/** The real engine in a real worker: the bundled model, onnxruntime-web, IndexedDB, WebCodecs. Small clips, for they all compute. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KinoraError } from '../../src/errors';
import { createKinora } from '../../src/engine/create-kinora';
import type { Clip, GenerateOptions, Kinora, Progress } from '../../src/engine/types';

const SMALL = { prompt: 'a red fox runs through snow', seed: 11, width: 32, height: 32, frames: 5, steps: 3 };
const open = (): Kinora => createKinora({ modelBase: new URL('/models/', location.href) });

async function failure(promise: Promise<unknown>): Promise<KinoraError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(KinoraError);
  return error as KinoraError;
}

let kinora: Kinora;
let first: Clip;
const progress: Progress[] = [];
const make = (options: GenerateOptions = {}, change = {}): Promise<Clip> => kinora.generate({ ...SMALL, ...change }, options);

beforeAll(async () => {
  kinora = open();
  await kinora.remove('storybook');
  first = await make({ keepLatents: true, keepFrames: true, onProgress: (report) => progress.push(report) });
}, 180_000);
afterAll(() => kinora.dispose());

describe('a clip', () => {
  it('is made from nothing stored: downloaded, denoised, encoded', async () => {
    expect([...new Set(progress.map(({ phase }) => phase))]).toEqual([
      'download',
      'load',
      'encode-prompt',
      'denoise',
      'decode',
      'encode-video',
    ]);
    const fractions = progress.map(({ fraction }) => fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    expect(first.report).toMatchObject({
      spec: { ...SMALL, model: 'storybook' },
      plan: { transformer: { backend: 'ort-wasm', threads: Math.min(8, navigator.hardwareConcurrency) } },
      latentsShape: [48, 2, 4, 4],
      clip: { width: 32, height: 32, frames: 5, fps: 8, mimeType: 'video/mp4', sizeBytes: first.blob.size },
      notes: [],
    });
    expect(first.latents).toHaveLength(48 * 2 * 4 * 4);
    expect(first.frames).toHaveLength(5);
    expect(progress.filter(({ preview }) => preview).map(({ preview }) => preview!.frames.length)).toEqual([2, 2, 2]);
    expect(await kinora.models()).toMatchObject([{ id: 'storybook', complete: true }]);
  });

  it('plays, at the size, rate and length that were asked for', async () => {
    const video = document.createElement('video');
    video.src = URL.createObjectURL(first.blob);
    await new Promise((done, fail) => {
      video.onloadeddata = done;
      video.onerror = () => fail(new Error(video.error?.message));
    });
    expect([video.videoWidth, video.videoHeight]).toEqual([32, 32]);
    expect(video.duration).toBeCloseTo(5 / 8, 3);
    URL.revokeObjectURL(video.src);
  });

  it('has pictures in it, not one colour', () => {
    const values = new Set(first.frames![2]);
    expect(values.size).toBeGreaterThan(16);
  });
});

describe('determinism', () => {
  it('the same spec gives the same latents, another seed others', async () => {
    expect((await make()).report.latentsSha256).toBe(first.report.latentsSha256);
    expect((await make({}, { seed: 12 })).report.latentsSha256).not.toBe(first.report.latentsSha256);
  });

  it('for any number of threads', async () => {
    const { report } = await make({ threads: 1 });
    expect(report.plan.transformer.threads).toBe(1);
    expect(report.latentsSha256).toBe(first.report.latentsSha256);
  });

  it('a plan is run again', async () => {
    const fast = await make({ precision: 'fast' });
    expect(fast.report.latentsSha256).not.toBe(first.report.latentsSha256);
    const again = await make({ plan: JSON.parse(JSON.stringify(fast.report.plan)), precision: 'exact' });
    expect(again.report.plan).toEqual(fast.report.plan);
    expect(again.report.latentsSha256).toBe(fast.report.latentsSha256);
  });

  it('a plan of another build is refused', async () => {
    const { plan } = first.report;
    const other = { ...plan.transformer, build: 'onnxruntime-web 0.1 wasm' };
    const error = await failure(make({ plan: { ...plan, textEncoder: other, transformer: other, autoencoder: other } }));
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('0.1') });
  });
});

describe('stopping', () => {
  it('keeps the finished steps, also for another engine, and goes on from them to the same latents', async () => {
    const steps = 24; // enough that the wish to stop arrives before the last, however fast the machine is
    const whole = await make({}, { steps });
    const stop = new AbortController();
    const job = make(
      { signal: stop.signal, onProgress: ({ phase, done }) => phase === 'denoise' && done === 2 && stop.abort() },
      { steps },
    );
    expect((await failure(job)).code).toBe('aborted');
    const partial = (await kinora.partial())!;
    expect(partial).toMatchObject({ shape: [48, 2, 4, 4], spec: { seed: 11, steps } });
    expect(partial.stepsDone).toBeGreaterThanOrEqual(2);

    await kinora.dispose();
    kinora = open(); // as after a reload
    expect((await kinora.partial())!.latents).toEqual(partial.latents);
    const resumed = await kinora.generate(partial.spec, { resume: true });
    expect(resumed.report.stepSeconds).toHaveLength(steps - partial.stepsDone);
    expect(resumed.report.latentsSha256).toBe(whole.report.latentsSha256);
    expect(await kinora.partial()).toBeNull();
  });

  it('a worker that goes in the middle of a run leaves the spec, and the next page finds it', async () => {
    const running = new Promise<void>((done) => {
      void make({ onProgress: ({ phase, done: steps }) => phase === 'denoise' && steps === 1 && done() }, { steps: 30 }).catch(
        () => undefined,
      );
    });
    await running;
    await kinora.dispose();
    kinora = open();
    expect(await kinora.interruptedSpec()).toMatchObject({ ...SMALL, steps: 30 });
  });
});

describe('errors', () => {
  it('come from the worker whole', async () => {
    const error = await failure(make({}, { frames: 18 }));
    expect(error).toMatchObject({ code: 'invalid-spec', message: expect.stringContaining('17 and 21') });
    expect(error.hint).not.toBe('');
  });

  it('an over-long prompt is cut, and the report says where', async () => {
    const { report } = await make({}, { prompt: `a fox runs ${'and runs '.repeat(200)}home`, steps: 1 });
    expect(report.prompt.tokens).toBe(48);
    expect(report.prompt.truncated).toMatch(/home$/);
    expect(report.notes).toEqual([expect.stringContaining('The prompt was cut')]);
  });
});

describe('other calls', () => {
  it('tell what this device offers', async () => {
    expect(await kinora.capabilities()).toMatchObject({
      crossOriginIsolated: true,
      threads: Math.min(8, navigator.hardwareConcurrency),
      // SwiftShader: there, but never chosen by itself.
      webgpu: { available: true, software: true },
      backend: { chosen: 'ort-wasm' },
      video: { container: 'mp4' },
    });
  });

  it('describe the model', async () => {
    const { manifest, vocabulary } = await kinora.describe('storybook');
    expect(manifest.id).toBe('storybook');
    expect(vocabulary!['subjects']!['dog']).toContain('hound');
  });

  it('export a clip again at another scale', async () => {
    const large = await kinora.exportClip(first, { exportScale: 2 });
    expect(large.report.clip).toMatchObject({ width: 64, height: 64, frames: 5 });
    expect(large.blob.size).toBeGreaterThan(0);
  });

  it('embed texts so that near ones are near', async () => {
    const [fox, dog, city] = await Promise.all(
      ['a red fox in the snow', 'an orange fox in winter', 'a crowded city street'].map((text) => kinora.embed(text)),
    );
    const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, index) => sum + value * b[index]!, 0);
    expect(cosine(fox!, fox!)).toBeCloseTo(1, 4);
    expect(cosine(fox!, dog!)).toBeGreaterThan(cosine(fox!, city!) + 0.2);
  });
});
