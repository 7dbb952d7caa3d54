import { describe, expect, it, vi } from 'vitest';
import { KinoraError, type ErrorCode } from '../../src/errors';
import { KinoraEngine } from '../../src/engine/engine';
import type { ExecutorRequest } from '../../src/engine/environment';
import { reportSchema } from '../../src/engine/report';
import type { Clip, Progress } from '../../src/engine/types';
import * as v from 'valibot';
import { createHash } from 'node:crypto';
import { FakeLocks, fakeWorld, MANIFEST, MemoryValues, type FakeWorld } from './fakes';

const PROMPT = 'a fox runs through snow';

async function failure(promise: Promise<unknown>): Promise<KinoraError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(KinoraError);
  return error as KinoraError;
}

function expectNothingLeft(world: FakeWorld): void {
  expect({ prompts: world.openPrompts, sinks: world.openSinks }).toEqual({ prompts: 0, sinks: 0 });
}

/** A promise and its resolver. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('a job', () => {
  it('goes from prompt to clip, and says how', async () => {
    const world = fakeWorld();
    const engine = new KinoraEngine(world);
    const progress: Progress[] = [];
    const clip = await engine.generate(
      { prompt: PROMPT, seed: 7, steps: 3 },
      { keepLatents: true, keepFrames: true, onProgress: (p) => progress.push(p) },
    );

    expect(world.log).toEqual(['open', 'executor ort-wasm exact 2', 'load', `prompt ${PROMPT}`, 'prompt ', 'step 1', 'step 2', 'step 3']);
    expect(clip.report.spec).toEqual({
      version: 1,
      model: 'storybook',
      prompt: PROMPT,
      negativePrompt: '',
      ...MANIFEST.defaults,
      seed: 7,
      steps: 3,
    });
    expect(v.safeParse(reportSchema, JSON.parse(JSON.stringify(clip.report))).issues).toBeUndefined();
    expect(clip.frames).toHaveLength(17);
    expect(clip.frames![16]![0]).toBe(16);
    expect(clip.report.clip).toMatchObject({ width: 64, height: 64, frames: 17, fps: 8, sizeBytes: clip.blob.size });
    const bytes = Buffer.from(clip.latents!.buffer, clip.latents!.byteOffset, clip.latents!.byteLength);
    expect(clip.report.latentsSha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(clip.report.latentsShape).toEqual([1, 5, 8, 8]);
    expect(clip.report.stepSeconds).toEqual([0.5, 0.5, 0.5]);
    expect(Object.keys(clip.report.seconds)).toEqual(
      expect.arrayContaining(['load', 'encode-prompt', 'denoise', 'decode', 'encode-video', 'total']),
    );
    expect(clip.report.notes).toEqual([]);

    const fractions = progress.map(({ fraction }) => fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    expect(progress.filter(({ preview }) => preview)).toHaveLength(3);
    expectNothingLeft(world);
  });

  it('skips the second prompt where guidance is off', async () => {
    const world = fakeWorld();
    await new KinoraEngine(world).generate({ prompt: PROMPT, guidance: 1, steps: 1 });
    expect(world.log.filter((entry) => entry.startsWith('prompt'))).toEqual([`prompt ${PROMPT}`]);
  });

  it('gives the same latents for the same spec, and others for another seed', async () => {
    const engine = new KinoraEngine(fakeWorld());
    const hash = async (seed: number) => (await engine.generate({ prompt: PROMPT, seed })).report.latentsSha256;
    expect(await hash(3)).toBe(await hash(3));
    expect(await hash(4)).not.toBe(await hash(3));
  });

  it('keeps the model loaded for the next job, and swaps it for another way of running', async () => {
    const world = fakeWorld();
    const engine = new KinoraEngine(world);
    await engine.generate({ prompt: PROMPT, steps: 1 });
    await engine.generate({ prompt: PROMPT, steps: 1 });
    expect(world.log.filter((entry) => entry === 'load')).toHaveLength(1);
    await engine.generate({ prompt: PROMPT, steps: 1 }, { precision: 'fast' });
    expect(world.log.filter((entry) => entry === 'load')).toHaveLength(2);
    expect(world.openExecutors).toBe(1);
    await engine.dispose();
    expect(world.openExecutors).toBe(0);
    expect((await failure(engine.models())).message).toMatch(/shut down/);
  });

  it('downloads what is missing first, and again after it was removed', async () => {
    const world = fakeWorld();
    world.complete = false;
    const phases: string[] = [];
    const engine = new KinoraEngine(world);
    const clip = await engine.generate({ prompt: PROMPT, steps: 1 }, { onProgress: ({ phase }) => phases.push(phase) });
    expect([...new Set(phases)]).toEqual(['download', 'load', 'encode-prompt', 'denoise', 'decode', 'encode-video']);
    expect(clip.report.seconds.download).toBeGreaterThan(0);
    expect(await engine.remove('storybook')).toBe(100);
    expect(world.openExecutors).toBe(0);
    await engine.download('storybook');
    expect(world.complete).toBe(true);
  });

  it('shows an estimate of the time left once an earlier job was measured', async () => {
    const world = fakeWorld();
    const engine = new KinoraEngine(world);
    const etas = async () => {
      const seen: (number | null)[] = [];
      await engine.generate({ prompt: PROMPT, steps: 2 }, { onProgress: ({ etaSeconds }) => seen.push(etaSeconds) });
      return seen;
    };
    expect((await etas())[0]).toBeNull();
    const second = await etas();
    expect(second.every((eta) => eta !== null)).toBe(true);
    expect(second.at(-1)).toBe(0);
  });
});

describe('the queue', () => {
  it('runs jobs one at a time, in the order they were asked for', async () => {
    const world = fakeWorld();
    let running = 0;
    world.onStep = async () => {
      expect(++running).toBe(1);
      await new Promise((done) => setTimeout(done, 1));
      running--;
    };
    const engine = new KinoraEngine(world);
    const finished: number[] = [];
    await Promise.all([1, 2, 3].map((seed) => engine.generate({ prompt: PROMPT, seed, steps: 2 }).then(() => finished.push(seed))));
    expect(finished).toEqual([1, 2, 3]);
  });

  it('lets a waiting job go at once, without running it', async () => {
    const world = fakeWorld();
    const { opened, open } = gate();
    world.onStep = () => opened;
    const engine = new KinoraEngine(world);
    const first = engine.generate({ prompt: PROMPT, steps: 1 });
    const stop = new AbortController();
    const second = engine.generate({ prompt: 'never seen', steps: 1 }, { signal: stop.signal });
    stop.abort();
    expect((await failure(second)).code).toBe('aborted');
    open();
    await first;
    expect(world.log).not.toContain('prompt never seen');
  });

  it('refuses a wrong spec before its turn', async () => {
    const world = fakeWorld();
    const { opened, open } = gate();
    world.onStep = () => opened;
    const engine = new KinoraEngine(world);
    const first = engine.generate({ prompt: PROMPT, steps: 1 });
    expect((await failure(engine.generate({ prompt: PROMPT, frames: 18 }))).message).toContain('17 and 21');
    open();
    await first;
  });

  it('goes on after a job that failed', async () => {
    const world = fakeWorld();
    world.onStep = () => {
      world.onStep = () => undefined;
      throw new Error('a defect');
    };
    const engine = new KinoraEngine(world);
    const [failed, done] = await Promise.allSettled([
      engine.generate({ prompt: PROMPT, steps: 1 }),
      engine.generate({ prompt: PROMPT, steps: 1 }),
    ]);
    expect((failed as PromiseRejectedResult).reason).toMatchObject({ code: 'internal' });
    expect(done.status).toBe('fulfilled');
    expectNothingLeft(world);
  });
});

describe('stopping', () => {
  async function stopAfter(world: FakeWorld, step: number, engine = new KinoraEngine(world)): Promise<KinoraEngine> {
    const stop = new AbortController();
    const error = await failure(
      engine.generate(
        { prompt: PROMPT, seed: 5, steps: 6 },
        { signal: stop.signal, onProgress: ({ phase, done }) => phase === 'denoise' && done === step && stop.abort() },
      ),
    );
    expect(error.code).toBe('aborted');
    return engine;
  }

  it('keeps the latents of the finished steps', async () => {
    const world = fakeWorld();
    const engine = await stopAfter(world, 4);
    const partial = (await engine.partial())!;
    expect(partial).toMatchObject({ stepsDone: 4, shape: [1, 5, 8, 8], spec: { prompt: PROMPT, seed: 5, steps: 6 } });
    // 1 → 5.5 → 7.75 → 8.875 → 9.4375
    expect(partial.latents[0]).toBe(9.4375);
    expectNothingLeft(world);
  });

  it('can go on from there, to the latents of an uninterrupted run', async () => {
    const world = fakeWorld();
    const engine = await stopAfter(world, 4);
    world.log.length = 0;
    const resumed = await engine.generate({ prompt: PROMPT, seed: 5, steps: 6 }, { resume: true });
    expect(world.log.filter((entry) => entry.startsWith('step'))).toEqual(['step 5', 'step 6']);
    expect(resumed.report.notes).toEqual(['Went on after step 4 of an interrupted run.']);
    const whole = await new KinoraEngine(fakeWorld()).generate({ prompt: PROMPT, seed: 5, steps: 6 });
    expect(resumed.report.latentsSha256).toBe(whole.report.latentsSha256);
    expect(await engine.partial()).toBeNull();
  });

  it('starts afresh for another spec', async () => {
    const world = fakeWorld();
    const engine = await stopAfter(world, 4);
    world.log.length = 0;
    await engine.generate({ prompt: PROMPT, seed: 6, steps: 6 }, { resume: true });
    expect(world.log).toContain('step 1');
  });

  it('before the first step leaves the spec', async () => {
    const world = fakeWorld();
    const engine = new KinoraEngine(world);
    const stop = new AbortController();
    const job = engine.generate({ prompt: PROMPT, seed: 5 }, { signal: stop.signal, onProgress: () => stop.abort() });
    expect((await failure(job)).code).toBe('aborted');
    expect(await engine.partial()).toBeNull();
    expect(await engine.interruptedSpec()).toMatchObject({ prompt: PROMPT, seed: 5 });
  });

  it('while decoding closes the encoder and keeps all steps', async () => {
    const world = fakeWorld();
    const stop = new AbortController();
    world.onFrame = (index) => index === 3 && stop.abort();
    const engine = new KinoraEngine(world);
    expect((await failure(engine.generate({ prompt: PROMPT, steps: 2 }, { signal: stop.signal }))).code).toBe('aborted');
    expect((await engine.partial())?.stepsDone).toBe(2);
    expectNothingLeft(world);
  });
});

describe('a reload in the middle of a run', () => {
  it('finds the spec and the finished steps', async () => {
    const kept = new MemoryValues();
    const locks = new FakeLocks();
    const world = fakeWorld({ kept, locks });
    const reached = gate();
    let died!: () => void;
    world.onStep = (step) => {
      if (step < 4) return;
      reached.open();
      return new Promise((_, reject) => (died = () => reject(new Error('gone with its page'))));
    };
    // The page dies while it runs: its engine is never told, and the browser frees its lock.
    const dead = new KinoraEngine(world).generate({ prompt: PROMPT, seed: 9, steps: 6 });
    await reached.opened;

    const otherTab = new KinoraEngine(fakeWorld({ kept, locks }));
    expect(await otherTab.partial()).toBeNull(); // it still runs
    const before = structuredClone(kept.values);
    const found = otherTab.interruptedSpec(); // waits for what may be a reloaded page in its last step
    setTimeout(died, 250);
    await dead.catch(() => undefined);
    expect(await found).toMatchObject({ prompt: PROMPT, seed: 9 });

    const afterReload = fakeWorld({ kept: Object.assign(new MemoryValues(), { values: before }) });
    const engine = new KinoraEngine(afterReload);
    // The clock of the fake makes writes 1 s apart impossible: the first note, with the spec, is what is sure to be there.
    expect(await engine.interruptedSpec()).toMatchObject({ prompt: PROMPT, seed: 9, steps: 6 });
  });

  it('goes on after the last step that was written', async () => {
    const kept = new MemoryValues();
    const first = fakeWorld({ kept });
    let ms = 0;
    first.now = () => (ms += 600);
    first.onStep = (step) => {
      if (step === 5) throw new Error('the page is closed');
    };
    await failure(new KinoraEngine(first).generate({ prompt: PROMPT, seed: 9, steps: 6 }));

    const second = fakeWorld({ kept });
    const engine = new KinoraEngine(second);
    const partial = (await engine.partial())!;
    expect(partial).toMatchObject({ stepsDone: 4, spec: { seed: 9 } });
    const resumed = await engine.generate(partial.spec, { resume: true });
    expect(second.log.filter((entry) => entry.startsWith('step'))).toEqual(['step 5', 'step 6']);
    const whole = await new KinoraEngine(fakeWorld()).generate(partial.spec);
    expect(resumed.report.latentsSha256).toBe(whole.report.latentsSha256);
    // Done: nothing is offered again.
    expect(await new KinoraEngine(fakeWorld({ kept })).interruptedSpec()).toBeNull();
  });

  it('ignores what it cannot read', async () => {
    const world = fakeWorld();
    for (const value of [1, { spec: {} }, { spec: null, state: null }]) {
      world.kept.values.set('interrupted-job', value);
      expect(await new KinoraEngine(world).partial()).toBeNull();
    }
  });

  it('cannot be kept on a full disk, which costs the note and not the clip', async () => {
    const world = fakeWorld();
    world.kept.failure = Object.assign(new Error('the disk is full'), { name: 'QuotaExceededError' });
    const clip = await new KinoraEngine(world).generate({ prompt: PROMPT, steps: 1 });
    expect(clip.report.notes).toEqual(['The run could not be kept for a reload of the page: the disk is full.']);
  });
});

describe('two tabs', () => {
  it('take turns, and the second says so', async () => {
    const locks = new FakeLocks();
    const [first, second] = [fakeWorld({ locks }), fakeWorld({ locks })];
    const { opened, open } = gate();
    first.onStep = () => opened;
    const firstClip = new KinoraEngine(first).generate({ prompt: PROMPT, steps: 1 });
    await new Promise((done) => setTimeout(done, 5));
    const notes: (string | undefined)[] = [];
    const secondClip = new KinoraEngine(second).generate({ prompt: PROMPT, steps: 1 }, { onProgress: ({ note }) => notes.push(note) });
    await new Promise((done) => setTimeout(done, 5));
    expect(notes).toEqual(['Another tab is making a clip; this one starts when that is done.']);
    expect(second.log).toEqual([]);
    open();
    await Promise.all([firstClip, secondClip]);
  });
});

describe('failures', () => {
  const cases: [string, ErrorCode, (world: FakeWorld) => void][] = [
    [
      'the network is gone',
      'network',
      (world) => {
        world.complete = false;
        world.onEnsure = () => {
          throw new KinoraError('network', 'The connection was lost.', 'Try again: what arrived is kept.');
        };
      },
    ],
    [
      'the disk is full',
      'storage-full',
      (world) => {
        world.complete = false;
        world.onEnsure = () => {
          throw new KinoraError('storage-full', 'The model needs 41 MB more space.', 'Free some disk space.');
        };
      },
    ],
    [
      'memory runs out, whatever is done about it',
      'out-of-memory',
      (world) => {
        world.onStep = () => {
          throw new KinoraError('out-of-memory', 'There is not enough memory for this.', 'Choose fewer frames.');
        };
      },
    ],
    [
      'no encoder works',
      'no-encoder',
      (world) => {
        world.onFrame = () => {
          throw new KinoraError('no-encoder', 'This browser has no video encoder.', 'Try a current Chrome or Edge.');
        };
      },
    ],
  ];
  it.each(cases)('%s: typed, with nothing left open, and the next job runs', async (_, code, arrange) => {
    const world = fakeWorld();
    arrange(world);
    const engine = new KinoraEngine(world);
    const error = await failure(engine.generate({ prompt: PROMPT, steps: 1 }));
    expect(error.code).toBe(code);
    expect(error.hint).not.toBe('');
    expectNothingLeft(world);
    Object.assign(world, { onEnsure: () => undefined, onStep: () => undefined, onFrame: () => undefined });
    await engine.generate({ prompt: PROMPT, steps: 1 });
  });

  it('a video that cannot be encoded still leaves the latents of all steps', async () => {
    const world = fakeWorld();
    world.onFrame = () => {
      throw new KinoraError('no-encoder', 'This browser has no video encoder.', 'Try a current Chrome or Edge.');
    };
    const engine = new KinoraEngine(world);
    await failure(engine.generate({ prompt: PROMPT, steps: 2 }));
    expect((await engine.partial())?.stepsDone).toBe(2);
  });

  it('a codec that breaks when frames are out is left out, and the clip is decoded again for the next', async () => {
    const world = fakeWorld();
    const added: string[] = [];
    world.onFrame = (index, codec) => {
      added.push(codec);
      if (index === 3 && codec.startsWith('avc'))
        throw new KinoraError('no-encoder', 'The video encoder failed.', 'Try a current Chrome or Edge.');
    };
    const clip = await new KinoraEngine(world).generate({ prompt: PROMPT, steps: 1 });
    expect(added.filter((codec) => codec.startsWith('avc'))).toHaveLength(4);
    expect(added.filter((codec) => codec.startsWith('vp09'))).toHaveLength(clip.report.clip.frames);
    expect(clip.report.encoder.codec).toBe('vp09.00.10.08');
    expect(clip.report.notes).toEqual([expect.stringContaining('no working H.264')]);
    expectNothingLeft(world);
  });

  it('an unknown model is refused before anything is downloaded', async () => {
    const world = fakeWorld();
    world.complete = false;
    const error = await failure(new KinoraEngine(world).generate({ prompt: PROMPT, model: 'nope' }));
    expect(error).toMatchObject({ code: 'invalid-spec', hint: 'Choose one of: storybook.' });
    expect(world.log).toEqual([]);
  });

  it('a backend that is not there is refused before anything is downloaded', async () => {
    const world = fakeWorld();
    world.complete = false;
    const error = await failure(new KinoraEngine(world).generate({ prompt: PROMPT }, { backend: 'ort-webgpu' }));
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('WebGPU') });
    expect(world.log).toEqual([]);
  });

  it('a model in use is not removed', async () => {
    const world = fakeWorld();
    const { opened, open } = gate();
    world.onStep = () => opened;
    const engine = new KinoraEngine(world);
    const clip = engine.generate({ prompt: PROMPT, steps: 1 });
    await new Promise((done) => setTimeout(done, 5));
    expect((await failure(engine.remove('storybook'))).code).toBe('busy');
    open();
    await clip;
  });

  it('a prompt that was cut is made all the same, and the report says what was cut', async () => {
    const world = fakeWorld();
    world.truncated = ' and the moon';
    const { report } = await new KinoraEngine(world).generate({ prompt: PROMPT, steps: 1 });
    expect(report.prompt.truncated).toBe(' and the moon');
    expect(report.notes).toEqual(['The prompt was cut: Storybook reads 48 tokens, so it did not see “and the moon”.']);
  });

  it('a page that is not isolated runs on one thread and says so', async () => {
    const world = fakeWorld();
    world.facts = { ...world.facts, crossOriginIsolated: false };
    const { report } = await new KinoraEngine(world).generate({ prompt: PROMPT, steps: 1 });
    expect(report.plan.transformer.threads).toBe(1);
    expect(report.notes).toEqual([expect.stringContaining('one thread')]);
  });

  it('another codec than H.264 is named', async () => {
    const world = fakeWorld();
    world.codec = 'vp09.00.10.08';
    const { report } = await new KinoraEngine(world).generate({ prompt: PROMPT, steps: 1 });
    expect(report.notes).toEqual([expect.stringContaining('H.264')]);
  });
});

describe('a lost device', () => {
  const lost = () => new KinoraError('device-lost', 'The graphics device went away.', 'Try again.');

  it('is set up once more, and the run goes on after its last finished step', async () => {
    const world = fakeWorld();
    world.onStep = (step) => {
      if (step !== 3) return;
      world.onStep = () => undefined;
      throw lost();
    };
    const { report } = await new KinoraEngine(world).generate({ prompt: PROMPT, seed: 2, steps: 4 });
    expect(world.log.filter((entry) => entry.startsWith('step'))).toEqual(['step 1', 'step 2', 'step 3', 'step 4']);
    expect(world.log.filter((entry) => entry === 'load')).toHaveLength(2);
    expect(report.notes).toEqual([expect.stringContaining('lost once')]);
    const whole = await new KinoraEngine(fakeWorld()).generate({ prompt: PROMPT, seed: 2, steps: 4 });
    expect(report.latentsSha256).toBe(whole.report.latentsSha256);
    expectNothingLeft(world);
  });

  it('whose memory cannot be released either is told of, and does not stop the run', async () => {
    const world = fakeWorld();
    world.onStep = (step) => {
      if (step !== 3) return;
      world.onStep = () => undefined;
      world.onDispose = () => {
        world.onDispose = () => undefined;
        throw new KinoraError('internal', 'The session is gone.', 'Report this.');
      };
      throw lost();
    };
    const { report } = await new KinoraEngine(world).generate({ prompt: PROMPT, seed: 2, steps: 4 });
    expect(report.notes).toEqual([expect.stringContaining('lost once'), 'Something in memory could not be released: The session is gone.']);
  });

  it('is not set up twice', async () => {
    const world = fakeWorld();
    world.onStep = (step) => {
      if (step === 3) throw lost();
    };
    const engine = new KinoraEngine(world);
    expect((await failure(engine.generate({ prompt: PROMPT, steps: 4 }))).code).toBe('device-lost');
    expect(world.log.filter((entry) => entry === 'load')).toHaveLength(2);
    expect((await engine.partial())?.stepsDone).toBe(2);
  });
});

describe('a device that is lost again and again', () => {
  const GPU = { available: true, adapter: 'nvidia ampere', software: false, reason: 'WebGPU runs on nvidia ampere.' };
  const loseOnce = (world: FakeWorld) => {
    world.onStep = (step) => {
      if (step !== 2) return;
      world.onStep = () => undefined;
      throw new KinoraError('device-lost', 'The graphics device went away.', 'Try again.');
    };
  };
  const executors = (world: FakeWorld) => world.log.filter((entry) => entry.startsWith('executor'));

  it('is left for the CPU after three losses, in the middle of the job, and the page is told why', async () => {
    const world = fakeWorld();
    world.facts = { ...world.facts, webgpu: GPU };
    const engine = new KinoraEngine(world);
    for (const clips of [1, 2]) {
      loseOnce(world);
      const { report } = await engine.generate({ prompt: PROMPT, seed: 2, steps: 3 });
      expect(report.plan.transformer.backend).toBe('wgsl');
      expect(executors(world)).toHaveLength(1 + clips);
      expect((await engine.capabilities()).backend.chosen).toBe('wgsl');
    }
    loseOnce(world);
    world.log.length = 0;
    const { report } = await engine.generate({ prompt: PROMPT, seed: 2, steps: 3 });
    expect(executors(world)).toEqual([expect.stringContaining('ort-wasm')]);
    expect(world.log.filter((entry) => entry.startsWith('step'))).toEqual(['step 1', 'step 2', 'step 3']);
    expect(report.plan).toMatchObject({ reason: expect.stringContaining('lost 3 times'), transformer: { backend: 'ort-wasm' } });
    expect(report.notes).toContainEqual(expect.stringContaining('lost 3 times'));
    expect((await engine.capabilities()).backend).toMatchObject({ chosen: 'ort-wasm', reason: expect.stringContaining('lost 3 times') });
    expectNothingLeft(world);
  });

  it('is still used where it is asked for by name', async () => {
    const world = fakeWorld();
    world.facts = { ...world.facts, webgpu: GPU };
    const engine = new KinoraEngine(world);
    for (let clip = 0; clip < 4; clip++) {
      loseOnce(world);
      const { report } = await engine.generate({ prompt: PROMPT, steps: 3 }, { backend: 'wgsl' });
      expect(report.plan.transformer.backend).toBe('wgsl');
    }
  });
});

describe('memory that is planned', () => {
  it('is told before anything is loaded, and stands in the report beside what was allocated', async () => {
    const world = fakeWorld();
    const planned = { peakBytes: 900, leastBytes: 500, peakIn: 'transformer', networks: {} } as const;
    world.planMemory = () => (world.log.push('plan'), planned);
    world.peakBytes = 890;
    const told: (number | undefined)[] = [];
    const { report } = await new KinoraEngine(world).generate(
      { prompt: PROMPT, steps: 1 },
      { onProgress: ({ plannedMemoryBytes }) => void (plannedMemoryBytes && told.push(plannedMemoryBytes)) },
    );
    expect(new Set(told)).toEqual(new Set([900]));
    expect(world.log.indexOf('plan')).toBeLessThan(world.log.indexOf('load'));
    expect(report.memory).toEqual({ plannedBytes: 900, plannedLeastBytes: 500, peakBytes: 890 });
    expect(v.is(reportSchema, report)).toBe(true);
  });

  it('is left out where it is not known', async () => {
    const { report } = await new KinoraEngine(fakeWorld()).generate({ prompt: PROMPT, steps: 1 });
    expect(report).not.toHaveProperty('memory');
  });
});

describe('memory that runs out', () => {
  const full = () => new KinoraError('out-of-memory', 'There is not enough memory for this.', 'Choose fewer frames.');

  it('while loading: one network at a time from then on, said when it happens and in the report', async () => {
    const world = fakeWorld();
    world.onLoad = () => {
      throw full();
    };
    const notes: (string | undefined)[] = [];
    const { report } = await new KinoraEngine(world).generate(
      { prompt: PROMPT, steps: 2 },
      { onProgress: ({ note }) => void (note && notes.push(note)) },
    );
    expect(report.notes).toEqual([expect.stringContaining('one network in memory at a time')]);
    expect(notes[0]).toBe(report.notes[0]);
    expect(world.log.filter((entry) => /^(load|prompt|keep|step)/.test(entry))).toEqual([
      'load',
      `prompt ${PROMPT}`,
      'prompt ',
      'keep only transformer',
      'step 1',
      'step 2',
      'keep only autoencoder',
    ]);
    expectNothingLeft(world);
  });

  it('in the loop: the steps that were finished are kept', async () => {
    const world = fakeWorld();
    world.onStep = (step) => {
      if (step !== 2) return;
      world.onStep = () => undefined;
      throw full();
    };
    const { report } = await new KinoraEngine(world).generate({ prompt: PROMPT, seed: 2, steps: 3 });
    expect(world.log.filter((entry) => entry.startsWith('step'))).toEqual(['step 1', 'step 2', 'step 3']);
    const whole = await new KinoraEngine(fakeWorld()).generate({ prompt: PROMPT, seed: 2, steps: 3 });
    expect(report.latentsSha256).toBe(whole.report.latentsSha256);
    expectNothingLeft(world);
  });

  it('while decoding: smaller and smaller pieces, then an error that says what to do, and no step is lost', async () => {
    const world = fakeWorld();
    const tiles: (number | undefined)[] = [];
    world.onDecode = (tile) => {
      tiles.push(tile);
      throw full();
    };
    const engine = new KinoraEngine(world);
    const error = await failure(engine.generate({ prompt: PROMPT, seed: 3, steps: 2, width: 256, height: 128 }));
    expect(error).toMatchObject({ code: 'out-of-memory', hint: expect.stringContaining('smaller size') });
    expect(tiles).toEqual([undefined, undefined, 16, 8]);
    expect((await engine.partial())?.stepsDone).toBe(2);
    expectNothingLeft(world);
    world.onDecode = () => undefined;
    const { report } = await engine.generate({ prompt: PROMPT, seed: 3, steps: 2, width: 256, height: 128 }, { resume: true });
    expect(report.stepSeconds).toEqual([]);
  });
});

describe('memory that runs out beside a job', () => {
  const full = () => new KinoraError('out-of-memory', 'There is not enough memory for this.', 'Choose fewer frames.');

  it('the error says what would fit by its plan, and nothing of the settings is changed', async () => {
    const world = fakeWorld();
    // Twice a byte a pixel, of which half is one network's.
    world.planMemory = ({ width, height, frames }) => ({
      peakBytes: 2 * width * height * frames,
      leastBytes: width * height * frames,
      peakIn: 'transformer',
      networks: {},
    });
    world.peakBytes = 64 * 64 * 10;
    world.onStep = () => {
      throw full();
    };
    const error = await failure(new KinoraEngine(world).generate({ prompt: PROMPT, width: 64, height: 64, frames: 17, steps: 1 }));
    expect(error.code).toBe('out-of-memory');
    expect(error.hint).toContain('9 frames at 64 × 64');
    expect(error.hint).toContain('48 × 48 with 17 frames');
  });

  it('exporting: one network, then smaller pieces; then an error that says what to do', async () => {
    const world = fakeWorld();
    const engine = new KinoraEngine(world);
    const clip = await engine.generate({ prompt: PROMPT, steps: 1, width: 256, height: 128 }, { keepLatents: true });
    const tiles: (number | undefined)[] = [];
    world.onDecode = (tile) => {
      tiles.push(tile);
      if (tile !== 16) throw full();
    };
    const { report } = await engine.exportClip(clip, { exportScale: 2 });
    expect(tiles).toEqual([undefined, undefined, 16]);
    expect(world.log).toContain('keep only autoencoder');
    expect(report.notes.slice(-2)).toEqual([expect.stringContaining('one network'), expect.stringContaining('in pieces')]);
    world.onDecode = () => {
      throw full();
    };
    const error = await failure(engine.exportClip(clip, { exportScale: 2 }));
    expect(error).toMatchObject({ code: 'out-of-memory', hint: expect.stringContaining('the clip itself is kept') });
    expectNothingLeft(world);
  });

  it('exporting on a device that is lost is tried once more', async () => {
    const world = fakeWorld();
    const engine = new KinoraEngine(world);
    const clip = await engine.generate({ prompt: PROMPT, steps: 1 }, { keepLatents: true });
    world.onDecode = () => {
      world.onDecode = () => undefined;
      throw new KinoraError('device-lost', 'The graphics device went away.', 'Try again.');
    };
    const { report } = await engine.exportClip(clip, { exportScale: 1 });
    expect(report.notes).toContainEqual(expect.stringContaining('lost once'));
  });

  it('preparing: what does not fit whole is let go, and the job goes on by itself', async () => {
    const world = fakeWorld();
    world.complete = true;
    const engine = new KinoraEngine(world);
    world.onLoad = () => {
      throw full();
    };
    expect(await engine.prepare(MANIFEST.id)).toBe(false);
    expectNothingLeft(world);
    world.onLoad = () => undefined;
    expect(await engine.prepare(MANIFEST.id)).toBe(true);
  });

  it('reading a text: once more with nothing else in memory, then an error', async () => {
    const world = fakeWorld();
    const engine = new KinoraEngine(world);
    world.onEmbed = () => {
      world.onEmbed = () => undefined;
      throw full();
    };
    expect(await engine.embed('fox')).toHaveLength(3);
    expect(world.log.filter((entry) => entry === 'dispose pipeline')).toHaveLength(1);
    world.onEmbed = () => {
      throw full();
    };
    expect((await failure(engine.embed('fox'))).message).toContain('read this text');
    expectNothingLeft(world);
  });
});

describe('measuring the device', () => {
  const GPU = { available: true, adapter: 'nvidia ampere', software: false, reason: 'WebGPU runs on nvidia ampere.' };

  /** A hardware adapter on which onnxruntime-web takes `ortMs` between looks at the clock, and our kernels 5. */
  function hardware(ortMs: number, kept?: MemoryValues): FakeWorld {
    const world = fakeWorld(kept ? { kept } : {});
    world.facts = { ...world.facts, webgpu: GPU, tuningKey: 'ampere, this browser, these kernels' };
    let clock = 0;
    const onOrt = () => world.log.findLast((entry) => entry.startsWith('executor'))?.includes('ort-webgpu');
    return Object.assign(world, { now: () => (clock += onOrt() ? ortMs : 5) });
  }
  const networksOf = async (engine: KinoraEngine) => (await engine.capabilities()).backend.networks;

  it('gives the networks around the loop to the faster backend, for this adapter, browser and set of kernels only', async () => {
    const world = hardware(3);
    const engine = new KinoraEngine(world);
    expect(await networksOf(engine)).toEqual({ textEncoder: 'wgsl', transformer: 'wgsl', autoencoder: 'wgsl' });
    const progress: string[] = [];
    const report = await engine.tune({ onProgress: ({ what, done, total }) => progress.push(`${what} ${done}/${total}`) });
    expect(report).toMatchObject({ adapter: 'nvidia ampere', precision: 'exact', networks: { textEncoder: { wgsl: 5, 'ort-webgpu': 3 } } });
    expect(progress).toEqual(['networks 0/2', 'networks 1/2', 'networks 2/2']);
    expect(await networksOf(engine)).toEqual({ textEncoder: 'ort-webgpu', transformer: 'wgsl', autoencoder: 'ort-webgpu' });
    expect((await engine.capabilities()).tuning).toEqual({ exact: report, fast: null });
    expectNothingLeft(world);

    world.facts = { ...world.facts, tuningKey: 'ampere, another browser' };
    expect((await engine.capabilities()).tuning.exact).toBeNull();
    expect((await networksOf(engine)).textEncoder).toBe('wgsl');
  });

  it('keeps our kernels where they are as fast, and where onnxruntime-web does not run', async () => {
    const world = hardware(5);
    const engine = new KinoraEngine(world);
    await engine.tune();
    expect((await networksOf(engine)).textEncoder).toBe('wgsl');
    const { createExecutors } = world;
    Object.assign(world, {
      createExecutors: async (request: ExecutorRequest) => {
        if (request.networks.textEncoder === 'ort-webgpu') throw new KinoraError('network', 'The runtime did not arrive.', 'Try again.');
        return createExecutors(request);
      },
    });
    const report = await engine.tune();
    expect(report.networks.autoencoder).toEqual({ wgsl: 5, 'ort-webgpu': null });
    expect(report.problems).toEqual([expect.stringContaining('The runtime did not arrive')]);
    expect((await networksOf(engine)).autoencoder).toBe('wgsl');
  });

  it('happens by itself once, after the first clip that auto makes on a hardware adapter, and gives way to the next clip', async () => {
    const kept = new MemoryValues();
    const world = hardware(5, kept);
    const engine = new KinoraEngine(world);
    let steps = 0;
    world.onStep = (_, { signal }) => {
      if (++steps !== 2) return undefined;
      // The rehearsal of the measuring: it waits until somebody wants something.
      return new Promise((_resolve, reject) =>
        signal!.addEventListener('abort', () => reject(new KinoraError('aborted', 'Stopped.', 'Start again.'))),
      );
    };
    await engine.generate({ prompt: PROMPT, steps: 1 });
    await vi.waitFor(() => expect(steps).toBe(2));
    await engine.generate({ prompt: PROMPT, steps: 1 });
    await vi.waitFor(async () => expect(await kept.get('tuning:exact')).toBeDefined());
    const { log } = world;
    log.length = 0;
    await engine.generate({ prompt: PROMPT, steps: 1 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(log.filter((entry) => entry.startsWith('executor'))).toHaveLength(1);
    await engine.dispose();
    expectNothingLeft(world);
  });

  it('by itself it fetches nothing: onnxruntime-web is compared only where its build is stored, and models only where they are', async () => {
    const world = hardware(3);
    world.ortStored = false;
    const engine = new KinoraEngine(world);
    await engine.generate({ prompt: PROMPT, steps: 1 });
    await vi.waitFor(async () => expect((await engine.capabilities()).tuning.exact).not.toBeNull());
    const { networks, problems } = (await engine.capabilities()).tuning.exact!;
    expect(networks.autoencoder).toEqual({ wgsl: 5, 'ort-webgpu': null });
    expect(problems).toEqual([expect.stringContaining('17 MB')]);
    expect(world.log.filter((entry) => entry.includes('ort-webgpu'))).toEqual([]);
    // When it is asked for, it is fetched.
    expect((await engine.tune()).networks.autoencoder['ort-webgpu']).toBe(3);

    const other = hardware(3);
    const list = other.models.list;
    Object.assign(other.models, { list: async () => (await list()).map((status) => ({ ...status, complete: false })) });
    await new KinoraEngine(other).generate({ prompt: PROMPT, steps: 1 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await other.kept.get('tuning:exact')).toBeUndefined();
    expect(other.log.filter((entry) => entry.startsWith('executor'))).toHaveLength(1);
  });

  it('by itself it says why it failed, does not try again, and goes on when it is asked to', async () => {
    const world = hardware(5);
    const engine = new KinoraEngine(world);
    let steps = 0;
    world.onStep = () => {
      if (++steps === 2) throw new KinoraError('internal', 'The GPU refused a command.', 'Report it.', { cause: 'no such buffer' });
    };
    expect((await engine.capabilities()).tuningProblem).toBeNull();
    await engine.generate({ prompt: PROMPT, steps: 1 });
    await vi.waitFor(async () => expect((await engine.capabilities()).tuningProblem).not.toBeNull());
    expect((await engine.capabilities()).tuningProblem).toMatch(/exact: The GPU refused a command. \(no such buffer\)$/);
    await engine.generate({ prompt: PROMPT, steps: 1 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(steps).toBe(3);
    await engine.tune();
    expect((await engine.capabilities()).tuning.exact).not.toBeNull();
    expect((await engine.capabilities()).tuningProblem).toBeNull();
    expectNothingLeft(world);
  });

  it('is refused where there is no adapter, and never happens by itself on a software one', async () => {
    expect((await failure(new KinoraEngine(fakeWorld()).tune())).code).toBe('unsupported');
    const world = hardware(5);
    world.facts = { ...world.facts, webgpu: { ...GPU, software: true } };
    await new KinoraEngine(world).generate({ prompt: PROMPT, steps: 1 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await world.kept.get('tuning:exact')).toBeUndefined();
  });
});

describe('a plan', () => {
  const first = (world: FakeWorld, options = {}): Promise<Clip> => new KinoraEngine(world).generate({ prompt: PROMPT, steps: 1 }, options);

  it('is run again as it was, whatever else is asked for', async () => {
    const { report } = await first(fakeWorld(), { precision: 'fast', threads: 1 });
    const world = fakeWorld();
    const again = await first(world, { plan: report.plan, precision: 'exact', threads: 2 });
    expect(again.report.plan).toEqual(report.plan);
    expect(world.log).toContain('executor ort-wasm fast 1');
  });

  it('that this device cannot meet is refused, naming the difference', async () => {
    const { report } = await first(fakeWorld());
    const { transformer } = report.plan;
    const refused = async (change: Partial<typeof transformer>, arrange: (world: FakeWorld) => void = () => undefined) => {
      const changed = { ...transformer, ...change };
      const world = fakeWorld();
      arrange(world);
      const error = await failure(
        first(world, { plan: { ...report.plan, textEncoder: changed, transformer: changed, autoencoder: changed } }),
      );
      expect(error.code).toBe('unsupported');
      expect(world.openExecutors).toBe(0);
      return error.message;
    };
    expect(await refused({ build: 'fake 2' })).toContain('build is fake 2, here it is fake 1');
    expect(await refused({ backend: 'ort-webgpu' })).toContain('WebGPU');
    expect(await refused({ backend: 'cuda' })).toContain('cuda');
    expect(await refused({ threads: 2 }, (world) => (world.facts = { ...world.facts, crossOriginIsolated: false }))).toContain('2 threads');
    expect(await refused({ variants: {} }, (world) => (world.variants = { attention: 'fused' }))).toContain('attention');
  });
});

describe('a plan that is none', () => {
  it.each([{}, { transformer: null }, []])('%j is refused', async (plan) => {
    expect((await failure(new KinoraEngine(fakeWorld()).generate({ prompt: PROMPT }, { plan: plan as never }))).code).toBe('invalid-spec');
  });
});

describe('other calls', () => {
  it('tell what the device offers', async () => {
    const world = fakeWorld();
    world.facts = { ...world.facts, webgpu: { available: true, adapter: 'google swiftshader', software: true, reason: 'Only emulated.' } };
    expect(await new KinoraEngine(world).capabilities()).toMatchObject({
      crossOriginIsolated: true,
      threads: 2,
      backend: { chosen: 'ort-wasm', reason: 'Only emulated. The CPU is used.' },
      video: { codec: 'avc1.42E00C', container: 'mp4' },
    });
  });

  it('make a stored model ready, so that a clip need not load it; download nothing', async () => {
    const world = fakeWorld();
    world.complete = false;
    const engine = new KinoraEngine(world);
    expect(await engine.prepare('storybook')).toBe(false);
    expect(world.log.filter((line) => line.startsWith('executor'))).toEqual([]);
    world.complete = true;
    expect(await engine.prepare('storybook')).toBe(true);
    const loads = world.log.filter((line) => line === 'load').length;
    expect(loads).toBe(1);
    await engine.generate({ prompt: PROMPT, steps: 1 });
    expect(world.log.filter((line) => line.startsWith('executor'))).toHaveLength(1);
    expect(world.log.filter((line) => line === 'load')).toHaveLength(loads);
  });

  it('hash a stored model again, and drop the one in memory when it is damaged', async () => {
    const world = fakeWorld();
    const engine = new KinoraEngine(world);
    await engine.generate({ prompt: PROMPT, steps: 1 });
    expect(await engine.verify('storybook')).toBe(0);
    expect(world.openExecutors).toBe(1);
    world.damagedBytes = 7;
    expect(await engine.verify('storybook')).toBe(7);
    expect(world.openExecutors).toBe(0);
  });

  it('embed a text', async () => {
    expect(await new KinoraEngine(fakeWorld()).embed('snow')).toHaveLength(3);
  });

  it('export a clip again at another scale', async () => {
    const engine = new KinoraEngine(fakeWorld());
    const clip = await engine.generate({ prompt: PROMPT, steps: 1 }, { keepLatents: true });
    const large = await engine.exportClip(clip, { exportScale: 4 });
    const { frames } = await engine.exportClip(clip, { exportScale: 1, keepFrames: true });
    expect(frames).toHaveLength(clip.report.clip.frames);
    expect(large.frames).toBeUndefined();
    expect(large.report).toMatchObject({
      clip: { width: 256, height: 256 },
      encoder: { scale: 4 },
      latentsSha256: clip.report.latentsSha256,
    });
    const { latents: _, ...without } = clip;
    expect((await failure(engine.exportClip(without, { exportScale: 2 }))).code).toBe('invalid-spec');
  });
});
