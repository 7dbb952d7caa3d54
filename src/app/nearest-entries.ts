import type { KnownPhrase, Neighbour } from './reword-prompt';

/** A known phrase with the normalised embedding of its form. */
export interface EmbeddedPhrase extends KnownPhrase {
  readonly vector: Float32Array;
}

/**
 * The entries of a vocabulary by how near they are to a normalised embedding, the nearest first, each by its nearest phrase. An entry is as near as
 * half its nearest phrase and half the mean of its phrases: “at dusk” is nearer to “in daylight” than to “at sunset”, but not to all that
 * is said of the day.
 */
export function nearestEntries(known: readonly EmbeddedPhrase[], vector: Float32Array): Neighbour[] {
  const entries = new Map<string, { best: KnownPhrase; cosine: number; sum: Float32Array }>();
  for (const { vector: other, ...phrase } of known) {
    const key = `${phrase.group} ${phrase.id ?? phrase.phrase}`;
    const cosine = dot(vector, other);
    const entry = entries.get(key);
    if (!entry) entries.set(key, { best: phrase, cosine, sum: other.slice() });
    else {
      for (let i = 0; i < other.length; i += 1) entry.sum[i]! += other[i]!;
      if (cosine > entry.cosine) [entry.best, entry.cosine] = [phrase, cosine];
    }
  }
  const neighbours = [...entries.values()].map(({ best, cosine, sum }) => ({
    ...best,
    cosine: (cosine + dot(vector, sum) / (Math.sqrt(dot(sum, sum)) || 1)) / 2,
  }));
  return neighbours.sort((a, b) => b.cosine - a.cosine);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}
