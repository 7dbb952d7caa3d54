import { describe, expect, it } from 'vitest';
import { applyStep } from '../../src/sampling/apply-step';
import { createSampler } from '../../src/sampling/create-sampler';
import { dmdSamplerAt, rcmSampler } from '../../src/sampling/few-step';
import type { Sampler } from '../../src/sampling/sampler';
import { eulerSigmas, warpTimesteps } from '../../src/sampling/schedules';
import { F64Algebra } from '../sampling/f64-algebra';
import { findJson, maxDifference } from './json-cases';

interface Toy {
  formula: string;
  a: number[];
  b: number[];
  c: number;
  d: number;
  start_noise: number[];
  noise: number[][];
  check: { t: number; v_at_start_noise: number[] };
}
interface EulerCase {
  shift: number;
  steps: number;
  sigmas: number[];
  timesteps: number[];
  trajectory: number[][] | null;
  final: number[];
  final_f64: number[];
  sigmas_single_shift: number[];
}
interface UnipcCase {
  shift: number;
  steps: number;
  grid: string;
  sigmas: number[];
  timesteps: number[];
  trajectory: number[][];
  trajectory_f64: number[][];
}
interface FewStepCase {
  sigmas: number[];
  timesteps: number[];
  start: number[];
  x0: number[][];
  trajectory: number[][];
}
interface FewStep {
  dmd: FewStepCase & { shift: number };
  rcm: (FewStepCase & { steps: number; trigflow_t: number[] })[];
  self_forcing: { base: number[]; shift: number; timesteps: number[] };
}

const TABLE = 1e-6; // sigma tables are stored in f32
const F32_RUN = 1e-5;
const F64_RUN = 1e-9;

const [toyCase] = findJson<Toy>('schedulers', 'formula', 'start_noise');
const toy = toyCase!.json;

function velocityOf(x: Float64Array, t: number): Float64Array {
  const n = x.length;
  return x.map(
    (value, i) =>
      Math.sin(toy.a[i]! * value + toy.b[i]!) + toy.c * x[(i + 1) % n]! * (t / 1000) - (toy.d * value * value) / (1 + value * value),
  );
}

/** The toy model under a sampler, in f64: latents and x0 estimates after every step. */
async function run(sampler: Sampler): Promise<{ start: Float64Array; trajectory: Float64Array[]; denoised: Float64Array[] }> {
  const algebra = new F64Algebra();
  const start = Float64Array.from(toy.start_noise, (value) => value * sampler.startScale);
  let state: ReadonlyMap<string, Float64Array> = new Map([['latents', start]]);
  const trajectory: Float64Array[] = [];
  const denoised: Float64Array[] = [];
  for (const [i, step] of sampler.steps.entries()) {
    const noise = step.freshNoise ? Float64Array.from(toy.noise[i]!) : undefined;
    const applied = await applyStep(algebra, step, state, velocityOf(state.get('latents')!, step.timestep), noise);
    state = applied.state;
    trajectory.push(state.get('latents')!);
    denoised.push(applied.denoised);
  }
  return { start, trajectory, denoised };
}

function expectTrajectory(actual: readonly Float64Array[], expected: readonly number[][], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, values] of expected.entries()) expect(maxDifference(actual[i]!, values), `step ${i}`).toBeLessThan(tolerance);
}

it('the toy model is the fixtures’ own', () => {
  expect(maxDifference(velocityOf(Float64Array.from(toy.start_noise), toy.check.t), toy.check.v_at_start_noise)).toBeLessThan(F64_RUN);
});

describe.each(
  findJson<{ cases: EulerCase[] }>('schedulers', 'cases').flatMap(({ json }) => json.cases.filter((c) => 'sigmas_single_shift' in c)),
)('Euler, shift $shift, $steps steps', ({ shift, steps, sigmas, timesteps, trajectory, final, final_f64, sigmas_single_shift }) => {
  it('has the sigmas of both grids', () => {
    expect(maxDifference(eulerSigmas(steps, shift, 'diffusers'), sigmas)).toBeLessThan(TABLE);
    expect(maxDifference(eulerSigmas(steps, shift, 'plain'), sigmas_single_shift)).toBeLessThan(1e-12);
  });
  it('takes the same way', async () => {
    const sampler = createSampler({ name: 'euler', steps, shift, eulerGrid: 'diffusers' });
    expect(
      maxDifference(
        sampler.steps.map((step) => step.timestep),
        timesteps,
      ),
    ).toBeLessThan(1000 * TABLE);
    const result = await run(sampler);
    if (trajectory) expectTrajectory(result.trajectory, trajectory, F32_RUN);
    expect(maxDifference(result.trajectory.at(-1)!, final)).toBeLessThan(F32_RUN);
    expect(maxDifference(result.trajectory.at(-1)!, final_f64)).toBeLessThan(F64_RUN);
  });
});

describe.each(findJson<{ cases: UnipcCase[] }>('schedulers', 'cases').flatMap(({ json }) => json.cases.filter((c) => 'grid' in c)))(
  'UniPC, shift $shift, $steps steps, grid $grid',
  ({ shift, steps, grid, sigmas, timesteps, trajectory, trajectory_f64 }) => {
    it('takes the same way', async () => {
      const sampler = createSampler({ name: 'unipc', steps, shift, unipcGrid: grid.startsWith('wan') ? 'wan' : 'diffusers' });
      expect(maxDifference(sampler.sigmas, sigmas)).toBeLessThan(TABLE);
      expect(sampler.steps.map((step) => step.timestep)).toEqual(timesteps);
      const result = await run(sampler);
      expectTrajectory(result.trajectory, trajectory, F32_RUN);
      expectTrajectory(result.trajectory, trajectory_f64, F64_RUN);
    });
  },
);

describe.each(findJson<FewStep>('schedulers', 'dmd', 'rcm', 'self_forcing'))('$name', ({ json: { dmd, rcm, self_forcing } }) => {
  async function expectSame(sampler: Sampler, golden: FewStepCase): Promise<void> {
    expect(maxDifference(sampler.sigmas, golden.sigmas)).toBeLessThan(1e-12);
    expect(
      maxDifference(
        sampler.steps.map((step) => step.timestep),
        golden.timesteps,
      ),
    ).toBeLessThan(1e-9);
    const result = await run(sampler);
    expect(maxDifference(result.start, golden.start)).toBeLessThan(F64_RUN);
    expectTrajectory(result.trajectory, golden.trajectory, F64_RUN);
    expectTrajectory(result.denoised, golden.x0, F64_RUN);
  }
  it('DMD', () => expectSame(dmdSamplerAt(dmd.timesteps, dmd.shift), dmd));
  it.each(rcm)('rCM, $steps steps', (golden) => expectSame(rcmSampler(golden.steps, Math.tan(golden.trigflow_t[0]!)), golden));
  it('Self-Forcing’s table', () => {
    expect(maxDifference(warpTimesteps(self_forcing.base, self_forcing.shift), self_forcing.timesteps)).toBeLessThan(1e-9);
  });
});
