import { describe, expect, it } from 'vitest';
import { Device } from '../../src/app/device.svelte';
import { Studio } from '../../src/app/studio.svelte';
import { KinoraError } from '../../src/errors';
import { capabilities, FakeKinora, reportFor, type FakeOptions } from './fake-kinora';
import { MemoryStore } from './memory-store';
import { until } from './until';

interface Scene {
  readonly studio: Studio;
  readonly kinora: FakeKinora;
  readonly awake: string[];
}

async function open(options: FakeOptions = {}, store = new MemoryStore()): Promise<Scene> {
  const kinora = new FakeKinora(options);
  const awake: string[] = [];
  const keepAwake = async () => {
    awake.push('on');
    return () => void awake.push('off');
  };
  const studio = new Studio({ kinora, store, keepAwake });
  await studio.open();
  return { studio, kinora, awake };
}

describe('making a clip', () => {
  it('goes from prompt to clip, with progress in the title and milestones for screen readers', async () => {
    const { studio, kinora, awake } = await open();
    studio.composer.prompt = 'a fox jumps';
    const titles = new Set<string>();
    const announced: string[] = [];
    const making = studio.generate();
    expect(studio.run.isBusy).toBe(true);
    await until(() => {
      titles.add(studio.title);
      if (announced.at(-1) !== studio.run.announcement) announced.push(studio.run.announcement);
      return studio.run.state === 'done';
    });
    await making;
    expect(kinora.specs[0]).toMatchObject({ prompt: 'a fox jumps', steps: 8 });
    expect([...titles].some((title) => /^\d+% Denoise · Kinora$/.test(title))).toBe(true);
    expect(studio.title).toBe('Clip ready · Kinora');
    expect(announced[0]).toBe('Started.');
    expect(announced.at(-1)).toBe('The clip is ready.');
    expect(announced.length, 'milestones, not steps').toBeLessThanOrEqual(5);
    expect(studio.clip?.report.spec.prompt).toBe('a fox jumps');
    expect(studio.run.preview, 'the preview makes room for the clip').toBeNull();
    expect(studio.estimateSeconds).toBeCloseTo(5.5, 6);
    expect(awake).toEqual(['on', 'off']);
  });

  it('does not start without a prompt; asked for again meanwhile, it makes one after the other', async () => {
    const { studio, kinora } = await open();
    await studio.generate();
    expect(kinora.specs).toHaveLength(0);
    expect(studio.composer.problems.prompt).toBeDefined();
    studio.composer.prompt = 'a fox';
    const making = studio.generate();
    studio.composer.prompt = 'a car';
    await studio.generate();
    expect(kinora.specs).toHaveLength(1);
    expect(studio.queue.items.map(({ spec }) => spec.prompt)).toEqual(['a car']);
    await making;
    expect(kinora.specs.map(({ prompt }) => prompt)).toEqual(['a fox', 'a car']);
    expect(studio.queue.items).toHaveLength(0);
  });

  it('shows how much it fetches on the first visit', async () => {
    const { studio } = await open({ stored: false });
    expect(studio.device.bytesToFetch('storybook')).toBe(38_123_456);
    studio.composer.prompt = 'a fox';
    const making = studio.generate();
    await until(() => studio.run.downloads && (studio.run.progress?.done ?? 0) > 0);
    expect(studio.run.progress?.total).toBe(38_123_456);
    await until(() => studio.run.phase === 'denoise');
    expect(studio.device.bytesToFetch('storybook'), 'the next clip fetches nothing, though this one is not done').toBe(0);
    await making;
    expect(studio.device.bytesToFetch('storybook')).toBe(0);
  });

  it('stops, keeps the preview, and goes on with the same spec', async () => {
    const { studio, kinora, awake } = await open({ unitMs: 2 });
    studio.composer.prompt = 'a fox';
    const making = studio.generate();
    await until(() => (studio.run.steps?.done ?? 0) >= 2);
    studio.run.stop();
    expect(studio.run.state).toBe('stopping');
    await making;
    expect(studio.run.state).toBe('stopped');
    expect(studio.run.error, 'stopping is no error').toBeNull();
    expect(studio.run.preview).not.toBeNull();
    expect(awake).toEqual(['on', 'off']);
    await studio.goOn();
    expect(kinora.resumes).toEqual([false, true]);
    expect(kinora.specs[1]).toEqual(kinora.specs[0]);
    expect(studio.run.state).toBe('done');
  });

  it('keeps the last clip when the next run fails, and says why with its hint', async () => {
    const { studio, kinora } = await open();
    studio.composer.prompt = 'a fox';
    await studio.generate();
    const first = studio.clip;
    kinora.options = {
      failAt: { phase: 'load', error: new KinoraError('out-of-memory', 'There is not enough memory.', 'Make it smaller.') },
    };
    await studio.generate();
    expect(studio.run.state).toBe('failed');
    expect(studio.run.error?.toRecord()).toMatchObject({ code: 'out-of-memory', hint: 'Make it smaller.' });
    expect(studio.title).toBe('Failed · Kinora');
    expect(studio.clip).toBe(first);
    studio.run.dismissError();
    expect(studio.run.state).toBe('done');
  });

  it('says that another tab has its turn', async () => {
    const { studio } = await open({ note: 'Another tab is making a clip.' });
    studio.composer.prompt = 'a fox';
    const making = studio.generate();
    await until(() => studio.run.note !== null);
    expect(studio.title).toBe('Waiting · Kinora');
    expect(studio.run.announcement).toBe('Another tab is making a clip.');
    await making;
    expect(studio.run.note).toBeNull();
  });
});

describe('after a reload', () => {
  const unfinished = { spec: reportFor({ prompt: 'a car at night', seed: 9 }).spec, stepsDone: 5 };

  it('offers the unfinished run and goes on with it, leaving the next seed free', async () => {
    const { studio, kinora } = await open({ unfinished });
    expect(studio.unfinished).toEqual(unfinished);
    await studio.takeUpUnfinished();
    expect(kinora.specs[0]).toEqual(unfinished.spec);
    expect(kinora.resumes).toEqual([true]);
    expect(studio.composer.prompt).toBe('a car at night');
    expect(studio.composer.seedMode).toBe('new');
    expect(studio.unfinished).toBeNull();
  });

  it('does not offer again what was dismissed', async () => {
    const store = new MemoryStore();
    const first = await open({ unfinished }, store);
    first.studio.dismissUnfinished();
    expect(first.studio.unfinished).toBeNull();
    expect((await open({ unfinished }, store)).studio.unfinished).toBeNull();
    const other = { ...unfinished, spec: { ...unfinished.spec, seed: 10 } };
    expect((await open({ unfinished: other }, store)).studio.unfinished).toEqual(other);
  });

  it('says why a model can’t be described, and tries again', async () => {
    const { studio, kinora } = await open();
    kinora.describe = async () => {
      throw new KinoraError('network', 'The model’s manifest did not arrive.', 'Check the connection.');
    };
    await studio.loadModel();
    expect(studio.modelError?.code).toBe('network');
    kinora.describe = FakeKinora.prototype.describe;
    await studio.loadModel();
    expect(studio.modelError).toBeNull();
  });
});

describe('what the device offers', () => {
  it('is said truly: where it runs, and what is missing', async () => {
    const device = new Device(new FakeKinora());
    expect(device.status.tone).toBe('wait');
    await device.refresh();
    expect(device.status).toEqual({ tone: 'ok', text: 'processor, 2 threads' });
    expect(device.warnings).toEqual([]);

    const bare = new Device(new FakeKinora({ capabilities: { ...capabilities, crossOriginIsolated: false, threads: 1, video: null } }));
    await bare.refresh();
    expect(bare.status).toEqual({ tone: 'warn', text: 'processor, 1 thread' });
    expect(bare.warnings.join(' ')).toMatch(/not cross-origin isolated.*can’t encode video/);

    const gpu = new Device(
      new FakeKinora({
        capabilities: {
          ...capabilities,
          backend: { chosen: 'wgsl', networks: { textEncoder: 'wgsl', transformer: 'wgsl', autoencoder: 'wgsl' }, reason: 'A GPU.' },
        },
      }),
    );
    await gpu.refresh();
    expect(gpu.status.text).toBe('GPU (WebGPU)');
  });

  it('is an error, kept, where the engine does not start', async () => {
    const kinora = new FakeKinora();
    kinora.capabilities = async () => {
      throw new KinoraError('unsupported', 'No workers here.', 'Use another browser.');
    };
    const device = new Device(kinora);
    await device.refresh();
    expect(device.error?.message).toBe('No workers here.');
    expect(device.status.tone).toBe('warn');
  });
});
