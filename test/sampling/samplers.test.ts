import { describe, expect, it } from 'vitest';
import { KinoraError } from '../../src/errors';
import { applyStep, releaseExcept, type Algebra } from '../../src/sampling/apply-step';
import { createSampler, type SamplerOptions } from '../../src/sampling/create-sampler';
import { guide } from '../../src/sampling/guidance';
import { preconditioning } from '../../src/sampling/precondition';
import { mostCarried, type Sampler } from '../../src/sampling/sampler';
import { dmdTimesteps } from '../../src/sampling/schedules';
import { F64Algebra } from './f64-algebra';

type State = ReadonlyMap<string, Float64Array>;
const CLEAN = Float64Array.of(0.3, -1.2, 0.8, 2);
const NOISE = Float64Array.of(-0.7, 0.4, 1.9, -0.1);
const OPTIONS: SamplerOptions[] = (['euler', 'unipc', 'dmd', 'rcm'] as const).flatMap((name) =>
  [1, 2, 4].map((steps) => ({ name, steps, shift: 3 })),
);

/** A model that knows the clean latents: x = (1 − σ) clean + σ n, so v = (x − clean) / σ. */
const perfectVelocity = (x: Float64Array, sigma: number): Float64Array => x.map((value, i) => (value - CLEAN[i]!) / sigma);
/** One whose x0 estimate depends on where it is asked. */
const curvedVelocity = (x: Float64Array, sigma: number): Float64Array => x.map((value) => Math.sin(2 * value + sigma));

async function runFrom(sampler: Sampler, state: State, from: number, to: number, velocity = curvedVelocity): Promise<State> {
  const algebra = new F64Algebra();
  for (const step of sampler.steps.slice(from, to)) {
    const applied = await applyStep(algebra, step, state, velocity(state.get('latents')!, step.sigma), step.freshNoise ? NOISE : undefined);
    state = applied.state;
  }
  return state;
}

const startOf = (sampler: Sampler): State => new Map([['latents', NOISE.map((value) => value * sampler.startScale)]]);

describe.each(OPTIONS)('$name, $steps steps', (options) => {
  const sampler = createSampler(options);

  it('goes down from the highest level to 0', () => {
    expect(sampler.sigmas.length).toBe(options.steps + 1);
    expect(sampler.sigmas.at(-1)).toBe(0);
    for (let i = 0; i < options.steps; i++) expect(sampler.sigmas[i]!).toBeGreaterThan(sampler.sigmas[i + 1]!);
    expect(sampler.steps.map((step) => step.freshNoise).at(-1)).toBe(false);
  });

  it('gives the clean latents back when the model knows them', async () => {
    const state = await runFrom(sampler, startOf(sampler), 0, options.steps, perfectVelocity);
    for (const [i, value] of CLEAN.entries()) expect(state.get('latents')![i]).toBeCloseTo(value, 9);
  });

  it('goes on after a stop as if there had been none, given its history', async () => {
    const whole = await runFrom(sampler, startOf(sampler), 0, options.steps);
    for (let stop = 1; stop < options.steps; stop++) {
      const half = await runFrom(sampler, startOf(sampler), 0, stop);
      const resumed = createSampler({ ...options, startStep: stop, history: [...half.keys()] });
      expect([...(await runFrom(resumed, half, stop, options.steps)).get('latents')!]).toEqual([...whole.get('latents')!]);
    }
  });

  it('says how many values it carries at most', async () => {
    let most = 0;
    let state = startOf(sampler);
    for (let step = 0; step < options.steps; step++) {
      state = await runFrom(sampler, state, step, step + 1);
      most = Math.max(most, state.size);
    }
    expect(mostCarried(sampler)).toBe(most);
    expect(most).toBe(options.name === 'unipc' ? (options.steps > 1 ? 4 : 3) : 1);
  });

  it('releases everything but what it carries', async () => {
    const algebra = new F64Algebra();
    const start = startOf(sampler);
    let state = start;
    for (const step of sampler.steps) {
      const applied = await applyStep(algebra, step, state, curvedVelocity(state.get('latents')!, step.sigma), NOISE);
      releaseExcept(algebra, [...state.values(), applied.denoised], [...start.values(), ...applied.state.values()]);
      state = applied.state;
      expect(algebra.live.size).toBe(new Set([...state.values()].filter((tensor) => ![...start.values()].includes(tensor))).size);
    }
  });
});

it.each(OPTIONS)('$name, $steps steps: takes a preconditioned output for the velocity that it stands for', async (options) => {
  const sigmaData = 0.6;
  const [plain, preconditioned] = [createSampler(options), createSampler({ ...options, sigmaData })];
  /** The output whose x0 = skip · x + scale · output is that of `curvedVelocity`: x − σ v. */
  const output = (x: Float64Array, sigma: number): Float64Array => {
    const { skip, scale } = preconditioning(sigma, sigmaData);
    const velocity = curvedVelocity(x, sigma);
    return x.map((value, i) => (value - sigma * velocity[i]! - skip * value) / scale);
  };
  const expected = await runFrom(plain, startOf(plain), 0, options.steps);
  const actual = await runFrom(preconditioned, startOf(preconditioned), 0, options.steps, output);
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  for (const [name, values] of expected) for (const [i, value] of values.entries()) expect(actual.get(name)![i]).toBeCloseTo(value, 8);
});

it('preconditioning trusts the output alone in pure noise, and the latents alone where there is next to none', () => {
  expect(preconditioning(1, 0.6)).toEqual({ skip: 0, scale: 0.6 });
  expect(preconditioning(1e-6, 0.6).skip).toBeCloseTo(1, 5);
  expect(preconditioning(1e-6, 0.6).scale).toBeCloseTo(0, 5);
});

it('UniPC starts again at first order when its history is lost', async () => {
  const whole = createSampler({ name: 'unipc', steps: 6, shift: 3 });
  const half = await runFrom(whole, startOf(whole), 0, 3);
  const resumed = createSampler({ name: 'unipc', steps: 6, shift: 3, startStep: 3 });
  expect(resumed.steps[3]!.assignments.map(({ target }) => target)).toEqual(['denoised', 'next']);
  const final = await runFrom(resumed, new Map([['latents', half.get('latents')!]]), 3, 6, perfectVelocity);
  for (const [i, value] of CLEAN.entries()) expect(final.get('latents')![i]).toBeCloseTo(value, 9);
});

it('UniPC is more accurate than Euler at equal steps', async () => {
  const final = async (name: 'euler' | 'unipc', steps: number): Promise<Float64Array> => {
    const sampler = createSampler({ name, steps, shift: 3 });
    return (await runFrom(sampler, startOf(sampler), 0, steps)).get('latents')!;
  };
  const exact = await final('euler', 20_000);
  const error = async (name: 'euler' | 'unipc'): Promise<number> => {
    const values = await final(name, 12);
    return Math.hypot(...values.map((value, i) => value - exact[i]!));
  };
  expect(await error('unipc')).toBeLessThan(0.5 * (await error('euler')));
});

it('a failed step releases what it had made', async () => {
  const inner = new F64Algebra();
  let calls = 0;
  const failing: Algebra<Float64Array> = {
    combine: (terms) => (++calls === 2 ? Promise.reject(new Error('lost')) : inner.combine(terms)),
    release: (tensor) => inner.release(tensor),
  };
  const [step] = createSampler({ name: 'euler', steps: 2, shift: 1 }).steps;
  await expect(applyStep(failing, step!, new Map([['latents', NOISE]]), CLEAN)).rejects.toThrow('lost');
  expect(inner.live.size).toBe(0);
});

it('guidance is uncond + scale · (cond − uncond)', async () => {
  const guided = await guide(new F64Algebra(), CLEAN, NOISE, 4);
  for (const [i, value] of guided.entries()) expect(value).toBeCloseTo(NOISE[i]! + 4 * (CLEAN[i]! - NOISE[i]!), 12);
});

it('knows the distilled models’ own timesteps', () => {
  expect(dmdTimesteps(3, 8)).toEqual([1000, 757, 522]);
  expect(dmdTimesteps(4, 5).map((t) => Math.round(t * 10) / 10)).toEqual([1000, 937.5, 833.3, 625]);
});

it.each([
  { name: 'rcm', steps: 5, shift: 1 },
  { name: 'euler', steps: 0, shift: 1 },
  { name: 'euler', steps: 2.5, shift: 1 },
  { name: 'unipc', steps: 4, shift: 0 },
  { name: 'dmd', steps: 4, shift: NaN },
] as const)('refuses $name with $steps steps and shift $shift', (options) => {
  try {
    createSampler(options);
  } catch (error) {
    expect(error).toBeInstanceOf(KinoraError);
    expect((error as KinoraError).code).toBe('invalid-spec');
    return;
  }
  throw new Error('It was accepted.');
});
