import type { Vocabulary } from '../engine/types';
import { articleFor, inflectVerb } from './english-forms';

/**
 * Prompts made only of what the vocabulary holds, so that each is one the model can follow as well as it can follow any.
 * Ids are used in their first wording. Returns fewer (or none) where the vocabulary lacks subjects.
 */
export function suggestPrompts(vocabulary: Vocabulary, count: number, random: () => number): string[] {
  const subjects = firstWordings(vocabulary['subjects']);
  const places = firstWordings(vocabulary['places']);
  const motions = simpleMotions(vocabulary['motions']);
  if (subjects.length === 0) return [];
  const prompts = new Set<string>();
  for (let attempt = 0; attempt < count * 8 && prompts.size < count; attempt += 1) {
    const subject = pick(subjects, random)!;
    const sentence = [`${articleFor(subject)} ${subject}`, pick(motions, random), pick(places, random)];
    if (random() < 0.6) sentence.push(pick(firstWordings(vocabulary['times']), random));
    const tail = random() < 0.5 ? pick(firstWordings(vocabulary[random() < 0.5 ? 'cameras' : 'looks']), random) : undefined;
    prompts.add([sentence.filter(Boolean).join(' '), tail].filter(Boolean).join(', '));
  }
  return [...prompts];
}

/**
 * What small models follow best, standing and crossing the picture; all motions where a vocabulary has neither. Sideways ones have a verb for each
 * kind of subject (drives, swims), and the vocabulary doesn't say which goes with which: “moves” goes with all. In the third person.
 */
function simpleMotions(motions: Readonly<Record<string, readonly string[]>> = {}): string[] {
  const sideways = ['left', 'right'].flatMap((side) => (motions[side] ?? []).filter((phrase) => phrase === `move to the ${side}`));
  const simple = [...(motions['still'] ?? []).slice(0, 1), ...sideways];
  const phrases = simple.length > 0 ? simple : firstWordings(motions).filter((phrase) => !/\b(left|right)$/.test(phrase));
  return phrases.map((phrase) => (/^\w+s\b/.test(phrase) ? phrase : inflectVerb(phrase, 's')));
}

function firstWordings(group: Readonly<Record<string, readonly string[]>> | undefined): string[] {
  return Object.values(group ?? {}).flatMap((phrases) => phrases.slice(0, 1));
}

function pick(list: readonly string[], random: () => number): string | undefined {
  return list[Math.floor(random() * list.length)];
}
