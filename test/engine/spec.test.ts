import { describe, expect, it } from 'vitest';
import { KinoraError } from '../../src/errors';
import { completeSpec, requestedModel } from '../../src/engine/spec';
import { MANIFEST } from './fakes';

/** Limits of a model that are none of the bundled one's, so that the sentences are seen to come from the manifest. */
const MODEL = {
  ...MANIFEST,
  name: 'Testmodel',
  limits: {
    ...MANIFEST.limits,
    width: { min: 32, max: 96, step: 16 },
    height: { min: 32, max: 96, step: 16 },
    frames: { min: 5, max: 41, step: 4 },
    steps: { min: 2, max: 20, step: 1 },
    guidance: { min: 1, max: 8, step: 0 },
  },
};

function refusal(input: unknown): KinoraError {
  try {
    completeSpec(input, MODEL);
  } catch (error) {
    expect(error).toBeInstanceOf(KinoraError);
    expect((error as KinoraError).code).toBe('invalid-spec');
    return error as KinoraError;
  }
  throw new Error(`${JSON.stringify(input)} was accepted`);
}

describe('a spec', () => {
  it('takes the model’s defaults and a random seed for what is left out', () => {
    const spec = completeSpec({ prompt: 'a fox', width: undefined }, MODEL);
    expect(spec).toEqual({ version: 1, model: 'storybook', prompt: 'a fox', negativePrompt: '', ...MANIFEST.defaults, seed: spec.seed });
    const seeds = new Set(Array.from({ length: 8 }, () => completeSpec({ prompt: 'a fox' }, MODEL).seed));
    expect(seeds.size).toBe(8);
  });

  it('keeps what is given, at the ends of its ranges too', () => {
    const given = {
      prompt: ' A fox,\nrunning ',
      negativePrompt: 'rain',
      seed: Number.MAX_SAFE_INTEGER,
      width: 96,
      height: 32,
      frames: 41,
      fps: 1,
      steps: 2,
      guidance: 2.5,
      sampler: 'unipc',
      shift: 0.1,
    };
    expect(completeSpec(given, MODEL)).toEqual({ version: 1, model: 'storybook', ...given });
    expect(completeSpec(completeSpec(given, MODEL), MODEL)).toEqual({ version: 1, model: 'storybook', ...given });
  });

  it.each([
    [{ frames: 18 }, 'The number of frames must be 4n + 1, from 5 to 41, not 18; the nearest are 17 and 21.'],
    [{ frames: 40 }, 'The number of frames must be 4n + 1, from 5 to 41, not 40; the nearest are 37 and 41.'],
    [{ frames: 1 }, 'The number of frames must be 4n + 1, from 5 to 41, not 1; the nearest is 5.'],
    [{ frames: 1e9 }, 'The number of frames must be 4n + 1, from 5 to 41, not 1000000000; the nearest is 41.'],
    [{ width: 70 }, 'The width must be a multiple of 16 from 32 to 96, not 70; the nearest are 64 and 80.'],
    [{ height: 0 }, 'The height must be a multiple of 16 from 32 to 96, not 0; the nearest is 32.'],
    [{ height: -16 }, 'The height must be a multiple of 16 from 32 to 96, not -16; the nearest is 32.'],
    [{ steps: 21 }, 'The number of steps must be a whole number from 2 to 20, not 21; the nearest is 20.'],
    [{ steps: 2.5 }, 'The number of steps must be a whole number from 2 to 20, not 2.5; the nearest are 2 and 3.'],
    [{ guidance: 0.5 }, 'The guidance must be from 1 to 8, not 0.5.'],
    [{ guidance: NaN }, 'The guidance must be from 1 to 8, not NaN.'],
    [{ shift: Infinity }, 'The shift must be from 0.1 to 20, not Infinity.'],
    [{ fps: '8' }, 'The frame rate must be a whole number from 1 to 60, not “8”.'],
    [{ width: null }, 'The width must be a multiple of 16 from 32 to 96, not null.'],
    [{ seed: -1 }, 'The seed must be a whole number from 0 to 9007199254740991, not -1.'],
    [{ seed: 0.5 }, 'The seed must be a whole number from 0 to 9007199254740991, not 0.5.'],
    [{ seed: 2 ** 53 }, 'The seed must be a whole number from 0 to 9007199254740991, not 9007199254740992.'],
    [{ sampler: 'ddim' }, '“ddim” is not a sampler; there are euler, unipc, dmd, rcm.'],
    [{ version: 2 }, 'This spec is of version 2; this Kinora reads version 1.'],
    [{ widht: 64 }, 'A spec has no field “widht”.'],
    [{ prompt: '' }, 'The prompt is empty.'],
    [{ prompt: ' \n\t ' }, 'The prompt is empty.'],
    [{ prompt: 5 }, 'The prompt is not a text.'],
    [{ negativePrompt: null }, 'The negative prompt is not a text.'],
    [{ model: '../../etc' }, '“../../etc” is not the name of a model.'],
  ])('%j: %s', (change, message) => {
    const error = refusal({ prompt: 'a fox', ...change });
    expect(error.message).toBe(message);
    expect(error.hint).toMatch(/\.$/);
  });

  it('hints at what to do', () => {
    expect(refusal({}).hint).toBe('Describe what should be seen, for example “a fox runs through snow”.');
    expect(refusal({ prompt: 'a', width: 1 }).hint).toBe('Testmodel’s default is 64.');
  });

  it.each([null, undefined, 'a fox', ['a fox'], 5])('is an object, not %j', (input) => {
    expect(refusal(input).message).toBe('The spec is not an object.');
  });

  it('shortens what it quotes', () => {
    expect(refusal({ prompt: 'a', sampler: 'x'.repeat(10_000) }).message.length).toBeLessThan(150);
  });

  it('names its model before the rest is looked at', () => {
    expect(requestedModel({ prompt: '' })).toBeNull();
    expect(requestedModel({ model: 'wan' })).toBe('wan');
    expect(requestedModel(null)).toBeNull();
    expect(() => requestedModel({ model: 5 })).toThrow(KinoraError);
  });
});
