import { describe, expect, it } from 'vitest';
import { buildLexicon, readPrompt, replacePhrase } from '../../src/app/read-prompt';
import { suggestPrompts } from '../../src/app/suggest-prompts';
import { description } from './fake-kinora';

const vocabulary = description.vocabulary!;
const lexicon = buildLexicon(vocabulary);
const kinds = (prompt: string) => readPrompt(prompt, lexicon).map(({ text, kind }) => `${kind}:${text}`);

describe('reading a prompt', () => {
  it('takes the longest phrases, and says which entry each one is', () => {
    const parts = readPrompt('A red fox jumps in the snow, camera zooms in', lexicon).filter((part) => part.kind !== 'plain');
    expect(parts.map(({ text, group, id }) => [text, group, id])).toEqual([
      ['red fox', 'subjects', 'fox'],
      ['jumps', 'motions', 'jump'],
      ['in the snow', 'places', 'snow'],
      ['camera zooms in', 'cameras', 'zoom_in'],
    ]);
  });

  it('marks words that training never held, and no others', () => {
    expect(kinds('a unicorn gallops to the right')).toEqual([
      'plain:a',
      'unknown:unicorn',
      'unknown:gallops',
      'plain:to',
      'plain:the',
      'seen:right',
    ]);
  });

  it('sees other forms of a word as the word', () => {
    for (const form of ['jumps', 'jumping', 'jump', 'jumped', 'is jumping']) expect(readPrompt(form, lexicon)[0]!.id, form).toBe('jump');
    for (const form of ['dogs', "dog's", 'Puppies', 'DOG']) expect(readPrompt(form, lexicon)[0]!.id, form).toBe('dog');
    expect(readPrompt('8 bit style', lexicon)[0]!.id).toBe('pixel');
  });

  it('does not join words across a comma', () => {
    expect(kinds('red, fox')).toEqual(['seen:red', 'known:fox']);
  });

  it('gives places in the text that cut it exactly', () => {
    const prompt = '  two   dogs — naïve Ærø, at night!';
    for (const { start, end, text } of readPrompt(prompt, lexicon)) expect(prompt.slice(start, end)).toBe(text);
    expect(kinds(prompt)).toContain('unknown:naïve');
    expect(kinds(prompt)).toContain('unknown:Ærø');
  });

  it('reads nothing into an empty prompt or bare punctuation', () => {
    expect(readPrompt('', lexicon)).toEqual([]);
    expect(readPrompt(' ,.!? — ', lexicon)).toEqual([]);
  });
});

describe('writing a choice into a prompt', () => {
  it('adds it after a comma, replaces it in place, and takes it out without a trace', () => {
    const added = replacePhrase('a fox jumps.', lexicon, 'looks', 'pixel art');
    expect(added).toBe('a fox jumps, pixel art');
    const replaced = replacePhrase('a fox, 8-bit style, at night', lexicon, 'looks', 'flat illustration');
    expect(replaced).toBe('a fox, flat illustration, at night');
    expect(replacePhrase(replaced, lexicon, 'looks', null)).toBe('a fox, at night');
    expect(replacePhrase('pixel art, a fox', lexicon, 'looks', null)).toBe('a fox');
    expect(replacePhrase('', lexicon, 'looks', 'pixel art')).toBe('pixel art');
    expect(replacePhrase('a fox', lexicon, 'looks', null)).toBe('a fox');
  });
});

describe('suggesting prompts', () => {
  it('uses only words that the model knows', () => {
    let state = 1;
    const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
    const prompts = suggestPrompts(vocabulary, 6, random);
    expect(prompts).toHaveLength(6);
    for (const prompt of prompts)
      expect(
        readPrompt(prompt, lexicon).filter((part) => part.kind === 'unknown'),
        prompt,
      ).toEqual([]);
  });

  it('has a subject stand or cross the picture where the model knows how, in whole sentences', () => {
    const motions = {
      still: ['stand still', 'rest'],
      left: ['fly left', 'move to the left'],
      right: ['move to the right'],
      dance: ['dance'],
    };
    const prompts = suggestPrompts({ subjects: { owl: ['owl'] }, motions }, 3, Math.random);
    const possible = ['an owl moves to the left', 'an owl moves to the right', 'an owl stands still'];
    expect(prompts.filter((prompt) => !possible.some((start) => prompt.startsWith(start)))).toEqual([]);
    expect(prompts.length).toBeGreaterThan(0);
    expect(suggestPrompts({ subjects: { dog: ['dog'] }, motions: { dash: ['dash about'] } }, 1, Math.random)).toEqual([
      'a dog dashes about',
    ]);
  });

  it('has none for a model without subjects', () => {
    expect(suggestPrompts({ places: { beach: ['beach'] } }, 3, Math.random)).toEqual([]);
  });
});
