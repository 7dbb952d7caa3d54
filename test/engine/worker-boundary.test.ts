import * as Comlink from 'comlink';
import { MessageChannel, type MessagePort as NodePort } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { KinoraError } from '../../src/errors';
import { createKinora, type KinoraOptions } from '../../src/engine/create-kinora';
import type { EngineSettings } from '../../src/engine/wire';
import { installWire } from '../../src/engine/wire';
import { WorkerHost } from '../../src/engine/worker-host';
import type { WorkerLike } from '../../src/engine/worker-link';
import type { Kinora, Progress } from '../../src/engine/types';
import { fakeWorld, type FakeWorld } from './fakes';

const PROMPT = 'a fox runs through snow';

/** A worker on the other end of a real message channel; structured clones and transfers are the real ones. */
class FakeWorker implements WorkerLike {
  static made: FakeWorker[] = [];
  settings: EngineSettings | null = null;
  isTerminated = false;
  readonly #near: NodePort;
  readonly #far: NodePort;
  readonly #errorListeners = new Set<(event: unknown) => void>();

  constructor(world: FakeWorld, isSilent = false) {
    FakeWorker.made.push(this);
    const { port1, port2 } = new MessageChannel();
    this.#near = port1;
    this.#far = port2;
    installWire();
    if (!isSilent)
      Comlink.expose(
        new WorkerHost((settings) => {
          this.settings = settings;
          return world;
        }),
        port2 as unknown as Comlink.Endpoint,
      );
    port1.start();
  }

  postMessage(message: unknown, transfer: Transferable[] = []): void {
    this.#near.postMessage(message, transfer as never);
  }
  addEventListener(type: string, listener: EventListenerOrEventListenerObject): void {
    if (type === 'error') this.#errorListeners.add(listener as never);
    else (this.#near as unknown as EventTarget).addEventListener(type, listener);
  }
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject): void {
    (this.#near as unknown as EventTarget).removeEventListener(type, listener);
  }
  terminate(): void {
    this.isTerminated = true;
    this.#near.close();
    this.#far.close();
  }
  crash(message: string): void {
    for (const listener of this.#errorListeners) listener({ message, error: new Error(message) });
  }
}

const opened: Kinora[] = [];

function open(world: FakeWorld, options: KinoraOptions = {}): Kinora {
  const kinora = createKinora({ modelBase: 'https://example.org/models', createWorker: () => new FakeWorker(world), ...options });
  opened.push(kinora);
  return kinora;
}

afterEach(async () => {
  for (const kinora of opened.splice(0)) await kinora.dispose();
  FakeWorker.made.length = 0;
});

async function failure(promise: Promise<unknown>): Promise<KinoraError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(KinoraError);
  return error as KinoraError;
}

describe('across the worker boundary', () => {
  it('a clip, its latents, frames and previews arrive, and progress before the result', async () => {
    const progress: Progress[] = [];
    const clip = await open(fakeWorld()).generate(
      { prompt: PROMPT, steps: 2 },
      { keepLatents: true, keepFrames: true, onProgress: (report) => progress.push(report) },
    );
    expect(clip.blob.size).toBe(17);
    expect(clip.latents).toBeInstanceOf(Float32Array);
    expect(clip.latents!.length).toBe(5 * 64);
    expect(clip.frames![3]![0]).toBe(3);
    expect(progress.at(-1)!.fraction).toBe(1);
    expect(progress.find(({ preview }) => preview)!.preview!.frames[0]).toHaveLength(4);
    expect(FakeWorker.made[0]!.settings).toEqual({ modelBase: 'https://example.org/models/' });
  });

  it('an error arrives whole', async () => {
    const world = fakeWorld();
    world.onStep = () => {
      throw new KinoraError('corrupt-weights', 'There is not enough memory.', 'Choose fewer frames.', { cause: new RangeError('heap') });
    };
    const error = await failure(open(world).generate({ prompt: PROMPT, steps: 1 }));
    expect(error.toRecord()).toEqual({
      code: 'corrupt-weights',
      message: 'There is not enough memory.',
      hint: 'Choose fewer frames.',
      cause: 'RangeError: heap',
    });
  });

  it('any other error arrives as internal, with its cause', async () => {
    const world = fakeWorld();
    world.onStep = () => {
      throw new TypeError('x is not a function');
    };
    expect((await failure(open(world).generate({ prompt: PROMPT, steps: 1 }))).toRecord()).toMatchObject({
      code: 'internal',
      cause: 'TypeError: x is not a function',
    });
  });

  it('what can’t be cloned is refused, not lost', async () => {
    const spec = { prompt: PROMPT, seed: (() => 1) as unknown as number };
    expect(await failure(open(fakeWorld()).generate(spec))).toMatchObject({
      code: 'invalid-spec',
      message: expect.stringContaining('plain data'),
    });
  });

  it('a signal stops the running job, and its steps are kept', async () => {
    const world = fakeWorld();
    world.onStep = () => new Promise((done) => setTimeout(done, 5));
    const kinora = open(world);
    const stop = new AbortController();
    const job = kinora.generate(
      { prompt: PROMPT, steps: 50 },
      { signal: stop.signal, onProgress: ({ phase, done }) => phase === 'denoise' && done === 3 && stop.abort() },
    );
    expect((await failure(job)).code).toBe('aborted');
    const partial = (await kinora.partial())!;
    expect(partial.stepsDone).toBeGreaterThanOrEqual(3);
    expect(partial.stepsDone).toBeLessThan(50);
    expect(partial.latents).toBeInstanceOf(Float32Array);
  });

  it('a signal that has fired already starts nothing', async () => {
    const world = fakeWorld();
    expect((await failure(open(world).generate({ prompt: PROMPT }, { signal: AbortSignal.abort() }))).code).toBe('aborted');
    expect(FakeWorker.made).toHaveLength(0);
  });

  it('a signal takes a waiting job out of the queue', async () => {
    const world = fakeWorld();
    let open_!: () => void;
    world.onStep = () => new Promise<void>((done) => (open_ = done));
    const kinora = open(world);
    const first = kinora.generate({ prompt: PROMPT, steps: 1 });
    const stop = new AbortController();
    const second = kinora.generate({ prompt: 'never seen', steps: 1 }, { signal: stop.signal });
    await new Promise((done) => setTimeout(done, 20));
    stop.abort();
    expect((await failure(second)).code).toBe('aborted');
    open_();
    await first;
    expect(world.log).not.toContain('prompt never seen');
  });

  it('a callback that throws does not stop the job', async () => {
    const reported: unknown[] = [];
    const before = globalThis.reportError;
    globalThis.reportError = (error) => void reported.push(error);
    try {
      await open(fakeWorld()).generate(
        { prompt: PROMPT, steps: 1 },
        {
          onProgress: () => {
            throw new Error('the page’s own');
          },
        },
      );
    } finally {
      globalThis.reportError = before;
    }
    expect(reported.length).toBeGreaterThan(0);
  });
});

describe('a worker that breaks', () => {
  it('fails every waiting call with a typed error, and is replaced at the next', async () => {
    const world = fakeWorld();
    world.onStep = () => new Promise(() => undefined);
    const kinora = open(world);
    const jobs = [kinora.generate({ prompt: PROMPT }), kinora.generate({ prompt: PROMPT })].map(failure);
    await new Promise((done) => setTimeout(done, 20));
    FakeWorker.made[0]!.crash('out of memory');
    for (const error of await Promise.all(jobs)) expect(error).toMatchObject({ code: 'internal', message: 'The engine broke down.' });
    expect(FakeWorker.made[0]!.isTerminated).toBe(true);
    world.onStep = () => undefined;
    await kinora.generate({ prompt: PROMPT, steps: 1 });
    expect(FakeWorker.made).toHaveLength(2);
  });

  it('that never answers is ended after a while', async () => {
    const kinora = open(fakeWorld(), { createWorker: () => new FakeWorker(fakeWorld(), true), silenceMs: 50 });
    const error = await failure(kinora.models());
    expect(error).toMatchObject({ code: 'internal', message: 'The engine stopped answering and was ended.' });
    expect(FakeWorker.made[0]!.isTerminated).toBe(true);
  });

  it('that answers while a job takes long is left alone', async () => {
    const world = fakeWorld();
    world.onStep = () => new Promise((done) => setTimeout(done, 300));
    const clip = await open(world, { silenceMs: 60 }).generate({ prompt: PROMPT, steps: 1 });
    expect(clip.report.spec.steps).toBe(1);
  });

  it('is replaced for a job that wants another number of threads', async () => {
    const kinora = open(fakeWorld());
    await kinora.generate({ prompt: PROMPT, steps: 1 });
    const { report } = await kinora.generate({ prompt: PROMPT, steps: 1 }, { threads: 1 });
    expect(report.plan.transformer.threads).toBe(1);
    expect(FakeWorker.made.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
    await kinora.generate({ prompt: PROMPT, steps: 1 }, { plan: report.plan });
    expect(FakeWorker.made).toHaveLength(2);
  });

  it('after dispose nothing runs any more', async () => {
    const world = fakeWorld();
    world.onStep = () => new Promise(() => undefined);
    const kinora = open(world);
    const job = failure(kinora.generate({ prompt: PROMPT }));
    await new Promise((done) => setTimeout(done, 10));
    await kinora.dispose();
    expect((await job).code).toBe('aborted');
    expect((await failure(kinora.models())).message).toMatch(/shut down/);
  });
});
