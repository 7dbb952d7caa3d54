import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Vocabulary } from '../../src/engine/types';
import { spansIn } from '../../src/app/prompt-spans';
import { buildLexicon, readPrompt } from '../../src/app/read-prompt';
import { knownPhrases, rewordPrompt, type FindNeighbours } from '../../src/app/reword-prompt';

const vocabulary = JSON.parse(readFileSync('public/models/storybook/vocabulary.json', 'utf8')) as Vocabulary;
const lexicon = buildLexicon(vocabulary);
const known = knownPhrases(vocabulary);

/** Neighbours as told, `text: phrase cosine`; other texts have none. */
const neighbours =
  (told: Record<string, readonly [phrase: string, cosine: number]>): FindNeighbours =>
  (text) =>
    told[text] ? known.filter(({ phrase }) => phrase === told[text]![0]).map((phrase) => ({ ...phrase, cosine: told[text]![1] })) : [];
const spansOf = (prompt: string) => spansIn(readPrompt(prompt, lexicon), prompt);
const reword = (prompt: string, told: Parameters<typeof neighbours>[0] = {}) =>
  rewordPrompt(prompt, spansOf(prompt), { lexicon, vocabulary }, neighbours(told));

describe('rewording a prompt', () => {
  it('leaves a prompt alone whose words are known', () => {
    for (const prompt of ['a fox jumps in the snow', 'A dog walks to the left on the beach at night, pixel art', '', ' ,. '])
      expect(reword(prompt)).toEqual({ prompt, changes: [] });
  });

  it('replaces what means the same, in the form of the words before', () => {
    const told = {
      puppy: ['dog', 0.8],
      puppies: ['dog', 0.8],
      strolling: ['walk', 0.7],
      strolls: ['walk', 0.7],
      hurtling: ['fly', 0.7],
      'in the woods': ['in the forest', 0.9],
      woods: ['in the forest', 0.8],
      lorry: ['airplane', 0.6],
      alligator: ['elephant', 0.6],
    } as const;
    expect(reword('A puppy strolls to the left in the woods.', told)).toEqual({
      prompt: 'A dog walks to the left in the forest.',
      changes: [
        { from: 'puppy', to: 'dog' },
        { from: 'strolls', to: 'walks' },
        { from: 'in the woods', to: 'in the forest' },
      ],
    });
    expect(reword('puppies strolling left', told).prompt).toBe('dogs walking left');
    expect(reword('two puppies and a puppy', told).prompt).toBe('two dogs and a dog');
    expect(reword('a lorry hurtling left', told).prompt).toBe('an airplane flying left');
    expect(reword('An alligator on the beach', told).prompt).toBe('An elephant on the beach');
  });

  it('takes the stretches that make the most of the sentence', () => {
    const told = {
      'golden retriever': ['dog', 0.75],
      golden: ['in golden light', 0.66],
      retriever: ['dog', 0.7],
      'retriever strolls': ['walk', 0.55],
      strolls: ['walk', 0.8],
    } as const;
    expect(reword('a golden retriever strolls left', told).prompt).toBe('a dog walks left');
  });

  it('never reaches over a comma or a phrase that is known, and brings no second preposition', () => {
    const asked = spansOf('a wyvern, gliding past the moon at night over fjords').map(({ text }) => text);
    expect(asked).toContain('wyvern');
    expect(asked.filter((text) => text.includes('wyvern') && text.includes(' '))).toEqual([]);
    expect(asked.filter((text) => text.includes('at night'))).toEqual([]);
    expect(reword('a dog in woods', { woods: ['in the forest', 0.9] }).prompt).toBe('a dog in woods');
    expect(reword('a dog, woods', { woods: ['in the forest', 0.9] }).prompt).toBe('a dog, in the forest');
  });

  it('takes a verb for a direction where one follows, and no noun for a verb', () => {
    const told = {
      hovering: ['jump', 0.7],
      'yacht drifts': ['sailboat', 0.8],
      yacht: ['sailboat', 0.79],
      paddling: ['sailboat', 0.7],
      'in the arctic': ['in the snow', 0.6],
      arctic: ['penguin', 0.8],
      helium: ['balloon', 0.8],
      barn: ['in front of a red barn', 0.8],
    } as const;
    expect(reword('a dog is hovering', told).prompt).toBe('a dog is jumping');
    for (const side of ['left', 'to the right', 'leftwards']) {
      const prompt = `a dog is hovering ${side}`;
      expect(reword(prompt, told).prompt).toBe(prompt);
    }
    expect(reword('a yacht drifts left', told).prompt).toBe('a sailboat drifts left');
    expect(reword('a dog is paddling left', told).prompt).toBe('a dog is paddling left');
    expect(reword('a dog in the arctic', told).prompt).toBe('a dog in the snow');
    expect(reword('a helium balloon and a barn owl', told).prompt).toBe('a helium balloon and a barn owl');
  });

  it('tells camera moves by where they go, and looks by a clause of their own', () => {
    const told = {
      'camera looks up to the sky': ['the camera tilts up', 0.6],
      'camera pulls back': ['the camera zooms out', 0.7],
      'great white': ['black and white', 0.7],
      aquarelle: ['soft watercolor painting', 0.6],
    } as const;
    expect(reword('a dog, the camera looks up to the sky', told).prompt).toBe('a dog, the camera tilts up');
    expect(reword('a dog, the camera pulls back', told).prompt).toBe('a dog, the camera pulls back');
    expect(reword('a great white dives, aquarelle', told).prompt).toBe('a great white dives, soft watercolor painting');
  });

  it('leaves what is not near alone, and words that were seen unless a phrase is plainly meant', () => {
    expect(reword('a wyvern', { wyvern: ['dragon', 0.45] }).prompt).toBe('a wyvern');
    expect(reword('a dog through snow', { 'through snow': ['in the snow', 0.6] }).prompt).toBe('a dog through snow');
    expect(reword('a dog through snow', { 'through snow': ['in the snow', 0.8] }).prompt).toBe('a dog in the snow');
  });

  it('gives verbs of travelling a direction where none is told, without any neighbours', () => {
    expect(reword('a fox runs in the snow')).toEqual({
      prompt: 'a fox runs to the right in the snow',
      changes: [{ from: 'runs', to: 'runs to the right' }],
    });
    expect(reword('a bus is driving').prompt).toBe('a bus is driving to the right');
    for (const prompt of ['a fox runs left', 'a bird flies in circles', 'a fox running after a dog', 'a dog in a pine forest'])
      expect(reword(prompt).changes, prompt).toEqual([]);
  });
});
