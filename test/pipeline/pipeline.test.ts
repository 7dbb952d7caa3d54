import { describe, expect, it } from 'vitest';
import { createPipeline } from '../../src/pipeline/create-pipeline';
import type { DenoiseSpec, DenoiseState, Frame, Latents, Pipeline, PipelineModel, SamplerName, StepReport } from '../../src/pipeline/types';
import { TorchGenerator } from '../../src/sampling/noise';
import { countingExecutor, type CountingExecutor } from './counting-executor';
import { tinyModel } from './tiny-model';

const SPEC: DenoiseSpec = { seed: 5, width: 8, height: 8, frames: 5, steps: 4, guidance: 3, sampler: 'euler', shift: 3 };
const SAMPLERS: SamplerName[] = ['euler', 'unipc', 'dmd', 'rcm'];

interface Setting {
  readonly executor: CountingExecutor;
  readonly pipeline: Pipeline;
}

function setUp(changes?: Partial<PipelineModel['manifest']>): Setting {
  const executor = countingExecutor();
  return {
    executor,
    pipeline: createPipeline({
      executors: { textEncoder: executor, transformer: executor, autoencoder: executor },
      model: tinyModel(changes),
    }),
  };
}

/** Runs with two prompts, and checks that nothing is left on the executor once they are disposed of. */
async function withPrompts<T>(
  { pipeline, executor }: Setting,
  use: (prompts: {
    context: Awaited<ReturnType<Pipeline['encodePrompt']>>;
    uncond: Awaited<ReturnType<Pipeline['encodePrompt']>>;
  }) => Promise<T>,
): Promise<T> {
  const prompts = { context: await pipeline.encodePrompt('a fox runs'), uncond: await pipeline.encodePrompt('') };
  try {
    return await use(prompts);
  } finally {
    prompts.context.dispose();
    prompts.uncond.dispose();
    await Promise.resolve();
    expect(executor.live.size).toBe(0);
  }
}

async function generate(
  setting: Setting,
  spec: Partial<DenoiseSpec> = {},
  more: Partial<Parameters<Pipeline['denoise']>[0]> = {},
): Promise<{ latents: Latents; reports: StepReport[] }> {
  const reports: StepReport[] = [];
  const latents = await withPrompts(setting, (prompts) =>
    setting.pipeline.denoise({ spec: { ...SPEC, ...spec }, ...prompts, onStep: (report) => reports.push(report), ...more }),
  );
  return { latents, reports };
}

async function collect(frames: AsyncGenerator<Frame>): Promise<Frame[]> {
  const all: Frame[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

describe('encodePrompt', () => {
  it('pads with zero rows and counts its tokens', async () => {
    const { pipeline } = setUp();
    const prompt = await pipeline.encodePrompt('a fox runs');
    expect(prompt.tokens).toBe(5);
    expect(prompt.truncated).toBe(null);
    expect(prompt.context.length).toBe(6 * 8);
    expect(prompt.context.slice(5 * 8)).toEqual(new Float32Array(8));
    expect(prompt.context.slice(4 * 8, 5 * 8).some((value) => value !== 0)).toBe(true);
  });

  it('says what of a long prompt was cut', async () => {
    const { pipeline } = setUp();
    const prompt = await pipeline.encodePrompt('A fox runs through deep SNOW.');
    expect(prompt.tokens).toBe(6);
    expect(prompt.truncated).toBe('deep SNOW.');
    expect((await pipeline.encodePrompt('a fox runs through')).context).toEqual(prompt.context);
  });

  it('takes the model’s own text for no prompt', async () => {
    const { pipeline } = setUp({ text: { encoder: 'minilm', length: 6, empty: 'snow' } });
    const snow = await pipeline.encodePrompt('snow');
    expect((await pipeline.encodePrompt(' \n')).context).toEqual(snow.context);
  });

  it('embeds a text as a vector of length 1', async () => {
    const { pipeline, executor } = setUp();
    const vector = await pipeline.embed('a fox');
    expect(vector.length).toBe(8);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
    expect(executor.live.size).toBe(0);
  });
});

describe('denoise', () => {
  it.each(SAMPLERS)('%s: the same bits for the same spec, others for another seed', async (sampler) => {
    const setting = setUp();
    const { latents } = await generate(setting, { sampler });
    expect(latents.shape).toEqual([4, 3, 2, 2]);
    expect((await generate(setUp(), { sampler })).latents.data).toEqual(latents.data);
    expect((await generate(setting, { sampler, seed: 6 })).latents.data).not.toEqual(latents.data);
  });

  it.each(SAMPLERS)('%s: goes on after a stop as if there had been none', async (sampler) => {
    const setting = setUp();
    const { latents, reports } = await generate(setting, { sampler });
    for (const { state } of reports.slice(0, -1)) {
      const stored = structuredClone(state) as DenoiseState;
      const resumed = await generate(setting, { sampler }, { start: stored });
      expect(resumed.latents.data).toEqual(latents.data);
      expect(resumed.reports[0]!.step).toBe(state.step + 1);
    }
  });

  it('reports every step with a preview of each latent frame', async () => {
    const { reports, latents } = await generate(setUp());
    expect(reports.map(({ step, steps }) => [step, steps])).toEqual([
      [1, 4],
      [2, 4],
      [3, 4],
      [4, 4],
    ]);
    const { preview, state, seconds } = reports.at(-1)!;
    expect(seconds).toBeGreaterThan(0);
    expect([preview.width, preview.height, preview.frames.length]).toEqual([2, 2, 3]);
    expect(state.latents.data).toEqual(latents.data);
    // After the last step the estimate is the result: red is half of channel 0, around half.
    const red = preview.frames.flatMap((frame) => [...frame].filter((_, i) => i % 4 === 0));
    const expected = new Uint8ClampedArray(latents.data.slice(0, 12).map((value) => 255 * (0.5 + 0.5 * value)));
    expect(largestDifference(red, expected)).toBeLessThanOrEqual(1);
  });

  it('runs the transformer once a step without guidance, twice with, and derives keys and values once a prompt', async () => {
    const setting = setUp();
    await withPrompts(setting, async ({ context, uncond }) => {
      await setting.pipeline.denoise({ spec: { ...SPEC, guidance: 1 }, context, uncond });
      expect(setting.executor.runs.get('wan.step')).toBe(4);
      expect(setting.executor.runs.get('wan.context')).toBe(1);
      await setting.pipeline.denoise({ spec: SPEC, context, uncond });
      await setting.pipeline.denoise({ spec: SPEC, context, uncond });
      expect(setting.executor.runs.get('wan.step')).toBe(4 + 8 + 8);
      expect(setting.executor.runs.get('wan.context')).toBe(2);
    });
  });

  it('stops when asked, between the two runs of a step too, and leaves the last finished step', async () => {
    for (const stopAt of [3, 4, 5]) {
      const setting = setUp();
      const stop = new AbortController();
      const reports: StepReport[] = [];
      let runs = 0;
      setting.executor.beforeRun = (graph) => {
        if (graph === 'wan.step' && ++runs === stopAt) stop.abort();
      };
      await withPrompts(setting, async (prompts) => {
        const job = setting.pipeline.denoise({ spec: SPEC, ...prompts, signal: stop.signal, onStep: (report) => reports.push(report) });
        await expect(job).rejects.toMatchObject({ code: 'aborted' });
      });
      expect(reports.at(-1)!.step).toBe(Math.floor(stopAt / 2));
    }
  });

  it('leaves nothing behind when a run fails', async () => {
    const setting = setUp();
    let runs = 0;
    setting.executor.beforeRun = (graph) => {
      if (graph === 'wan.step' && ++runs === 4) throw new Error('lost');
    };
    await expect(generate(setting)).rejects.toThrow('lost');
  });

  it.each(['one', 'per latent frame'] as const)('holds given frames, timesteps %s', async (timesteps) => {
    const setting = setUp({ timesteps });
    const known: Latents = { data: new TorchGenerator(99).next(48), shape: [4, 3, 2, 2] };
    const { latents, reports } = await generate(setting, {}, { known: { latents: known, mask: [true, false, true] } });
    const free = await generate(setting);
    const frameOf = ({ data }: Latents, t: number): number[] =>
      [0, 1, 2, 3].flatMap((c) => [...data.slice((c * 3 + t) * 4, (c * 3 + t + 1) * 4)]);
    for (const t of [0, 2]) {
      expect(frameOf(latents, t)).toEqual(frameOf(known, t));
      expect(reports[0]!.preview.frames[t]).toEqual(reports[3]!.preview.frames[t]);
      // Where all frames share a timestep, given ones are noised to it until the end.
      if (timesteps === 'one') expect(frameOf(reports[0]!.state.latents, t)).not.toEqual(frameOf(known, t));
      else expect(frameOf(reports[0]!.state.latents, t)).toEqual(frameOf(known, t));
    }
    expect(frameOf(latents, 1)).not.toEqual(frameOf(free.latents, 1));
  });

  it('noises given frames with the start noise to the step’s level', async () => {
    const setting = setUp({ timesteps: 'one' });
    const known: Latents = { data: new Float32Array(48).fill(1), shape: [4, 3, 2, 2] };
    const { reports } = await generate(setting, {}, { known: { latents: known, mask: [true, true, false] } });
    const noise = new TorchGenerator(SPEC.seed).next(48);
    const sigma = (3 * 0.75) / (1 + 2 * 0.75);
    expect(reports[0]!.state.latents.data[0]).toBeCloseTo(1 - sigma + sigma * noise[0]!, 6);
  });

  it.each<[string, Partial<DenoiseSpec>, Partial<Parameters<Pipeline['denoise']>[0]>, RegExp]>([
    ['guidance without a negative prompt', {}, { uncond: undefined }, /negative prompt/],
    ['frames that the autoencoder can’t make', { frames: 6 }, {}, /can't make 6 frames; it can make 5 or 7/],
    ['sizes that the patches don’t divide', { width: 12 }, {}, /12 pixels does not fit this model; 8 or 16/],
    [
      'known frames of another clip',
      {},
      { known: { latents: { data: new Float32Array(16), shape: [4, 1, 2, 2] }, mask: [true] } },
      /size of the clip/,
    ],
    ['a state of another clip', {}, { start: { step: 9, latents: { data: new Float32Array(48), shape: [4, 3, 2, 2] } } }, /another clip/],
    ['more steps than the sampler has', { sampler: 'rcm', steps: 5 }, {}, /no schedule for 5 steps/],
  ])('refuses %s', async (_, spec, more, message) => {
    await expect(generate(setUp(), spec, more)).rejects.toMatchObject({
      code: 'invalid-spec',
      message: expect.stringMatching(message) as unknown,
    });
  });
});

describe('decode and encodeFrames', () => {
  const latents: Latents = { data: new TorchGenerator(3).next(48), shape: [4, 3, 2, 2] };

  it('streams 2n + 1 frames of the clip’s size, opaque', async () => {
    const { pipeline, executor } = setUp();
    const frames = await collect(pipeline.decode(latents));
    expect(frames.length).toBe(5);
    for (const { width, height, rgba } of frames) {
      expect([width, height, rgba.length]).toEqual([8, 8, 256]);
      expect(rgba.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
    }
    expect(executor.runs.get('taew.decoder')).toBe(3);
    expect(executor.live.size).toBe(0);
  });

  it('decodes no further than it is asked to, and releases when left', async () => {
    const { pipeline, executor } = setUp();
    for await (const frame of pipeline.decode(latents)) {
      expect(frame.width).toBe(8);
      break;
    }
    expect(executor.runs.get('taew.decoder')).toBe(1);
    expect(executor.live.size).toBe(0);
  });

  it('stops between frames', async () => {
    const { pipeline, executor } = setUp();
    const stop = new AbortController();
    const frames = pipeline.decode(latents, { signal: stop.signal });
    await frames.next();
    stop.abort();
    await expect(collect(frames)).rejects.toMatchObject({ code: 'aborted' });
    expect(executor.live.size).toBe(0);
  });

  it('a later latent frame does not change earlier frames', async () => {
    const { pipeline } = setUp();
    const changed = { ...latents, data: latents.data.map((value, i) => (Math.floor(i / 4) % 3 === 2 ? -value : value)) };
    const [before, after] = [await collect(pipeline.decode(latents)), await collect(pipeline.decode(changed))];
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    expect(after[4]).not.toEqual(before[4]);
  });

  it('decodes in pieces what it decodes whole, for pieces of every size', async () => {
    const { pipeline, executor } = setUp();
    const wide: Latents = { data: new TorchGenerator(5).next(4 * 2 * 5 * 31), shape: [4, 2, 5, 31] };
    const whole = await collect(pipeline.decode(wide));
    expect(pipeline.decoderReach).toBe(9); // two convolutions, two memory blocks and the last convolution
    for (const tile of [1, 4, 8]) expect(await collect(pipeline.decode(wide, { tile }))).toEqual(whole);
    expect(executor.runs.get('taew.decoder')).toBe(2 * (1 + 31 + 8 + 4));
    expect(executor.live.size).toBe(0);
  });

  it('encodes frames to latents of the clip’s shape', async () => {
    const { pipeline, executor } = setUp();
    const frames = await collect(pipeline.decode(latents));
    const encoded = await pipeline.encodeFrames(frames);
    expect(encoded.shape).toEqual(pipeline.latentShape(SPEC));
    expect(executor.live.size).toBe(0);
    // The encoder sees whole clips only through its memory: a lone first frame gives the first latent frame.
    const first = await pipeline.encodeFrames(frames.slice(0, 1));
    for (let c = 0; c < 4; c++) expect(first.data.slice(4 * c, 4 * c + 4)).toEqual(encoded.data.slice(12 * c, 12 * c + 4));
  });

  it('refuses frames that do not fit', async () => {
    const { pipeline } = setUp();
    const frame = (width: number, height: number): Frame => ({ width, height, rgba: new Uint8ClampedArray(width * height * 4) });
    await expect(pipeline.encodeFrames([])).rejects.toMatchObject({ code: 'invalid-spec' });
    await expect(pipeline.encodeFrames([frame(8, 8), frame(8, 4)])).rejects.toThrow(/differ in size/);
    await expect(pipeline.encodeFrames([frame(8, 6)])).rejects.toMatchObject({ hint: 'Use multiples of 4.' });
  });
});

describe('load and dispose', () => {
  it('compiles every network once, with progress that does not fall, and releases them', async () => {
    const { pipeline, executor } = setUp();
    const progress: [number, number][] = [];
    await pipeline.load({ onProgress: (loaded, total) => progress.push([loaded, total]) });
    await pipeline.load();
    expect(Object.fromEntries(executor.compiled)).toEqual({ minilm: 1, 'wan.context': 1, 'wan.step': 1, 'taew.decoder': 1 });
    expect(progress.every(([loaded], i) => i === 0 || loaded >= progress[i - 1]![0])).toBe(true);
    expect(new Set(progress.map(([, total]) => total)).size).toBe(1);
    expect(progress.at(-1)![0]).toBe(progress.at(-1)![1]);
    await pipeline.dispose();
    expect([...executor.compiled.values()].every((count) => count === 0)).toBe(true);
  });

  it('loads again after a load that was stopped', async () => {
    const { pipeline } = setUp();
    await expect(pipeline.load({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    await pipeline.load();
  });

  it('keeps one network only when asked to, and compiles the others again', async () => {
    const { pipeline, executor } = setUp();
    await pipeline.load();
    await pipeline.keepOnly('transformer');
    expect(Object.fromEntries(executor.compiled)).toEqual({ minilm: 0, 'wan.context': 1, 'wan.step': 1, 'taew.decoder': 0 });
    await pipeline.keepOnly('autoencoder');
    expect([...executor.compiled.values()]).toEqual([0, 0, 0, 0]);
    await pipeline.embed('a fox');
    expect(executor.compiled.get('minilm')).toBe(1);
  });

  it('refuses a model whose parts do not fit', () => {
    const model = tinyModel();
    const configs = { ...model.manifest.configs, transformer: { ...model.manifest.configs.transformer, in_channels: 5 } };
    expect(() => setUp({ configs })).toThrow();
  });
});
