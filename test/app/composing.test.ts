import { describe, expect, it } from 'vitest';
import { Composer } from '../../src/app/composer.svelte';
import { Estimates } from '../../src/app/estimates.svelte';
import type { ModelDescription } from '../../src/engine/types';
import { description, reportFor } from './fake-kinora';
import { MemoryStore } from './memory-store';

function composed(prompt: string, options: ConstructorParameters<typeof Composer>[0] = {}): Composer {
  const composer = new Composer(options);
  composer.useModel(description);
  composer.prompt = prompt;
  return composer;
}

describe('composing a clip', () => {
  it('starts from the model’s defaults and hands over a whole spec', () => {
    const spec = composed('  a fox jumps ', { random: () => 0.5 }).takeSpec();
    expect(spec).toEqual({
      version: 1,
      model: 'storybook',
      prompt: 'a fox jumps',
      negativePrompt: '',
      seed: 2 ** 31,
      width: 64,
      height: 64,
      frames: 17,
      fps: 8,
      steps: 8,
      guidance: 4,
      sampler: 'euler',
      shift: 3,
    });
  });

  it('blames an empty prompt only once Generate was pressed, and stops blaming it when there is one', () => {
    const composer = composed('   ');
    expect(composer.problems.prompt).toBeUndefined();
    expect(composer.takeSpec()).toBeNull();
    expect(composer.problems.prompt).toMatch(/no prompt/);
    composer.prompt = 'a fox';
    expect(composer.problems.prompt).toBeUndefined();
  });

  it('names the range beside a value that is out of it', () => {
    const composer = composed('a fox');
    composer.steps = 51;
    composer.guidance = 0.5;
    composer.fps = null;
    expect(composer.problems).toEqual({
      steps: 'Steps is a whole number from 1 to 50.',
      guidance: 'Guidance goes from 1 to 12.',
      fps: 'Frame rate is a whole number from 1 to 30.',
    });
    expect(composer.takeSpec()).toBeNull();
    composer.steps = 2.5;
    expect(composer.problems.steps).toBeDefined();
    composer.resetSettings();
    expect(composer.problems).toEqual({});
  });

  it('keeps a fixed seed, and draws another for every clip otherwise', () => {
    let drawn = 0;
    const composer = composed('a fox', { random: () => (drawn += 0.125) });
    const seeds = [composer.takeSpec()!.seed, composer.takeSpec()!.seed];
    expect(seeds).toEqual([2 ** 29, 2 ** 30]);
    composer.seedMode = 'fixed';
    expect(composer.takeSpec()!.seed).toBe(2 ** 30);
    for (const wrong of [-1, 1.5, 2 ** 53, null]) {
      composer.seed = wrong;
      expect(composer.problems.seed, String(wrong)).toMatch(/whole number from 0 to 9007199254740991/);
    }
    composer.seed = Number.MAX_SAFE_INTEGER;
    expect(composer.takeSpec()!.seed).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('offers only frame counts and sizes within the limits', () => {
    const composer = composed('a fox');
    expect(composer.frameChoices.map(({ frames }) => frames)).toEqual([1, 5, 9, 13, 17, 21, 25, 29, 33]);
    expect(composer.frameChoices[4]!.label).toBe('2.1 s · 17 frames');
    const { width, height } = description.manifest.limits;
    expect(composer.sizeChoices[0]).toEqual({ width: 64, height: 64, label: '64 × 64 · square' });
    for (const size of composer.sizeChoices) {
      expect((size.width - width.min) % width.step, size.label).toBe(0);
      expect(size.width >= width.min && size.width <= width.max && size.height >= height.min && size.height <= height.max).toBe(true);
    }
    expect(composer.sizeChoices.some((size) => size.width > size.height)).toBe(true);
    expect(composer.sizeChoices.some((size) => size.width < size.height)).toBe(true);
  });

  it('offers one size and length for a model that makes but one', () => {
    const one = (value: number) => ({ min: value, max: value, step: 0 });
    const { limits } = description.manifest;
    const only = {
      ...description,
      manifest: { ...description.manifest, limits: { ...limits, width: one(64), height: one(64), frames: one(17) } },
    };
    const composer = new Composer();
    composer.useModel(only as ModelDescription);
    expect(composer.sizeChoices).toHaveLength(1);
    expect(composer.frameChoices).toHaveLength(1);
  });

  it('shows in its choices what the prompt says, and writes them into the prompt', () => {
    const composer = composed('a fox in the snow, 8-bit style');
    expect(composer.chosenIn('looks')).toBe('pixel');
    expect(composer.chosenIn('cameras')).toBe('');
    composer.choose('cameras', 'zoom_in');
    expect(composer.prompt).toBe('a fox in the snow, 8-bit style, camera zooms in');
    composer.choose('looks', '');
    expect(composer.prompt).toBe('a fox in the snow, camera zooms in');
    expect(composer.phrasesOf('weather')).toEqual([]);
  });

  it('tells what the model knows and has never seen, each once', () => {
    const composer = composed('Dog dog wyvern in the snow, Wyvern');
    expect(composer.knownPhrases).toEqual(['dog', 'in the snow']);
    expect(composer.unknownWords).toEqual(['wyvern']);
  });

  it('survives a reload, but not with values that the model no longer takes', () => {
    const store = new MemoryStore();
    const before = composed('a fox', { store });
    before.steps = 20;
    before.negativePrompt = 'rain';
    before.frames = 33;
    before.seed = 7;
    before.seedMode = 'fixed';
    before.save();
    const after = new Composer({ store });
    expect(after.prompt).toBe('a fox');
    const { limits } = description.manifest;
    after.useModel({ ...description, manifest: { ...description.manifest, limits: { ...limits, frames: { min: 1, max: 25, step: 4 } } } });
    expect([after.negativePrompt, after.steps, after.seed, after.seedMode, after.frames]).toEqual(['rain', 20, 7, 'fixed', 17]);
  });

  it('begins with newer weights’ own steps and guidance, and keeps what is not of the weights', () => {
    const store = new MemoryStore();
    const before = composed('a fox', { store });
    before.steps = 20;
    before.guidance = 5;
    before.fps = 12;
    before.save();
    const after = new Composer({ store });
    after.useModel({ ...description, manifest: { ...description.manifest, revision: 'newer' } });
    const { defaults } = description.manifest;
    expect([after.steps, after.guidance, after.fps]).toEqual([defaults.steps, defaults.guidance, 12]);
    expect([defaults.steps, defaults.guidance]).not.toEqual([20, 5]);
  });

  it('works with a store that refuses or holds nonsense', () => {
    const store = new MemoryStore();
    store.values.set('kinora.composer', '{"prompt": 3, "steps"');
    store.refuses = true;
    const composer = composed('a fox', { store });
    expect(() => composer.save()).not.toThrow();
    expect(composer.takeSpec()).not.toBeNull();
  });

  it('takes a whole spec back, holding its seed', () => {
    const composer = composed('something else');
    composer.restore({
      ...reportFor({ prompt: 'a car', seed: 41, steps: 12, width: 96, height: 64, frames: 9, guidance: 2, fps: 12 }).spec,
    });
    expect(composer.takeSpec()).toMatchObject({
      prompt: 'a car',
      seed: 41,
      steps: 12,
      width: 96,
      height: 64,
      frames: 9,
      guidance: 2,
      fps: 12,
    });
    expect(composer.sizeChoices).toContainEqual({ width: 96, height: 64, label: '96 × 64 · wide' });
  });
});

describe('estimating', () => {
  const spec = { model: 'storybook', width: 64, height: 64, frames: 17, steps: 8, guidance: 4 };

  it('says nothing before a clip was made here, and what it took afterwards', () => {
    const store = new MemoryStore();
    const estimates = new Estimates(store);
    expect(estimates.secondsFor(spec)).toBeNull();
    estimates.learn(reportFor({ prompt: 'a fox', ...spec }));
    // 8 steps of 0.5 s, and 1.5 s for the rest; loading (1.2 s) is not counted, as it is done once.
    expect(estimates.secondsFor(spec)).toBeCloseTo(5.5, 6);
    expect(estimates.secondsFor({ ...spec, steps: 16 })).toBeCloseTo(9.5, 6);
    expect(estimates.secondsFor({ ...spec, guidance: 1 })).toBeCloseTo(3.5, 6);
    expect(new Estimates(store).secondsFor(spec)).toBeCloseTo(5.5, 6);
  });

  it('says nothing of clips that are nothing like what was measured', () => {
    const estimates = new Estimates(null);
    estimates.learn(reportFor({ prompt: 'a fox', ...spec }));
    expect(estimates.secondsFor({ ...spec, width: 128, height: 128 })).toBeNull();
    expect(estimates.secondsFor({ ...spec, model: 'wan2.1-1.3b' })).toBeNull();
  });
});
