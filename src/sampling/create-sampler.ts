import { KinoraError } from '../errors';
import { eulerSampler } from './euler';
import { preconditioned } from './precondition';
import { dmdSampler, rcmSampler } from './few-step';
import type { Sampler } from './sampler';
import type { EulerGrid, UnipcGrid } from './schedules';
import { unipcSampler } from './unipc';

export interface SamplerOptions {
  readonly name: 'euler' | 'unipc' | 'dmd' | 'rcm';
  readonly steps: number;
  readonly shift: number;
  /** Default `plain`. */
  readonly eulerGrid?: EulerGrid;
  /** Default `diffusers`. */
  readonly unipcGrid?: UnipcGrid;
  /** Given where the model's output is preconditioned (precondition.ts) and not the velocity itself. */
  readonly sigmaData?: number;
  /** The first step to take. A multistep sampler starts there at first order, unless its history is at hand. */
  readonly startStep?: number;
  /** Names of the history that is at hand at `startStep`. */
  readonly history?: readonly string[];
}

/** The sampler for these options. Throws `invalid-spec` for step counts it does not have. */
export function createSampler(options: SamplerOptions): Sampler {
  const { steps, shift } = options;
  if (!Number.isInteger(steps) || steps < 1)
    throw new KinoraError('invalid-spec', `${steps} is not a number of steps.`, 'Ask for 1 or more whole steps.');
  if (!(shift > 0))
    throw new KinoraError('invalid-spec', `${shift} is not a schedule shift.`, 'Use a positive number; 1 leaves the schedule as it is.');
  const sampler = samplerOfVelocity(options);
  return options.sigmaData === undefined ? sampler : preconditioned(sampler, options.sigmaData);
}

function samplerOfVelocity(options: SamplerOptions): Sampler {
  const { name, steps, shift } = options;
  switch (name) {
    case 'euler':
      return eulerSampler(steps, shift, options.eulerGrid ?? 'plain');
    case 'unipc':
      return unipcSampler(steps, shift, options.unipcGrid ?? 'diffusers', options.startStep ?? 0, options.history ?? []);
    case 'dmd':
      return dmdSampler(steps, shift);
    case 'rcm':
      return rcmSampler(steps);
  }
}
