import { describe, expect, it } from 'vitest';
import { cosine, searchClips, type ClipQuery } from '../../src/library/search';
import { ClipStore } from '../../src/library/clip-store';
import { madeUpClip, memoryStorage } from './made-up-clips';

const query = (changes: Partial<ClipQuery>): ClipQuery => ({
  text: '',
  embedding: null,
  favouritesOnly: false,
  sort: 'newest',
  ...changes,
});

async function library() {
  const store = new ClipStore({ storage: memoryStorage(), channel: null });
  const unit = (...values: number[]) => Float32Array.from(values);
  await store.add(madeUpClip(1, { prompt: 'a fox runs through snow' }, { embedding: unit(1, 0, 0) }));
  await store.add(madeUpClip(2, { prompt: 'a wolf in winter', steps: 20 }, { embedding: unit(0.8, 0.6, 0) }));
  await store.add(madeUpClip(3, { prompt: 'a red car', width: 128 }, { embedding: unit(0, 0, 1), favourite: true, name: 'Été 10' }));
  await store.add(madeUpClip(4, { prompt: 'two foxes, snow' }, { embedding: null, name: 'Été 9' }));
  return store.list();
}

describe('searching', () => {
  it('finds clips that hold every word, in name, prompt or settings, accents and case aside', async () => {
    const clips = await library();
    const seeds = (text: string) => searchClips(clips, query({ text })).map(({ spec }) => spec.seed);
    expect(seeds('')).toEqual([4, 3, 2, 1]);
    expect(seeds('SNOW fox')).toEqual([4, 1]);
    expect(seeds('ete')).toEqual([4, 3]);
    expect(seeds('128x64')).toEqual([3]);
    expect(seeds('20 steps')).toEqual([2]);
    expect(seeds('seed 3')).toEqual([3]);
    expect(seeds('zebra')).toEqual([]);
  });

  it('adds what is alike in meaning, the closest first, behind what holds the words', async () => {
    const clips = await library();
    const found = searchClips(clips, query({ text: 'wolf', embedding: Float32Array.from([1, 0, 0]) }));
    expect(found.map(({ spec }) => spec.seed)).toEqual([2, 1]);
    expect(searchClips(clips, query({ text: 'animal', embedding: Float32Array.from([0.8, 0.6, 0]) })).map(({ spec }) => spec.seed)).toEqual(
      [2, 1],
    );
    expect(cosine(Float32Array.from([1]), Float32Array.from([1, 0]))).toBe(0);
  });

  it('sorts, and keeps favourites alone', async () => {
    const clips = await library();
    const seeds = (changes: Partial<ClipQuery>) => searchClips(clips, query(changes)).map(({ spec }) => spec.seed);
    expect(seeds({ sort: 'oldest' })).toEqual([1, 2, 3, 4]);
    expect(seeds({ sort: 'name' })).toEqual([1, 2, 4, 3]);
    expect(seeds({ favouritesOnly: true })).toEqual([3]);
  });
});
