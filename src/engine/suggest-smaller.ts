import { toKinoraError } from '../errors';
import type { Pipeline } from '../pipeline/types';
import type { ModelManifest, NumberRange } from '../weights/manifest';
import type { GenerationSpec } from './spec';

export interface Suggestion {
  readonly frames: number;
  readonly width: number;
  readonly height: number;
}

/**
 * What of a clip would fit: by frames alone and by size alone, each the largest whose plan, with one network in memory at a time, takes less than
 * the clip that failed and no more than what is known to have fitted. Empty where no plan can be made, or nothing fits.
 */
export function suggestSmaller(
  pipeline: Pick<Pipeline, 'planMemory'>,
  { limits }: Pick<ModelManifest, 'limits'>,
  spec: GenerationSpec,
  /** The most that was allocated at once before memory ran out. */
  fittedBytes: number,
): readonly Suggestion[] {
  const leastBytes = (changes: Partial<Suggestion>): number | null => {
    const changed = { ...spec, ...changes };
    try {
      return pipeline.planMemory(changed, [spec.prompt, spec.negativePrompt])?.leastBytes ?? null;
    } catch (error) {
      if (toKinoraError(error).code === 'internal') throw error;
      return Infinity; // a piece over the device's limits, or a size that the model can't make
    }
  };
  const failed = leastBytes({});
  if (failed === null) return [];
  // Where a piece alone is too large, nothing says how much memory there is.
  const fits = (changes: Partial<Suggestion>): boolean => {
    const bytes = leastBytes(changes);
    return bytes !== null && bytes < failed && (failed === Infinity || bytes <= fittedBytes);
  };
  const shorter = largestThatFits(below(limits.frames, spec.frames), (frames) => fits({ frames }));
  const smaller = largestThatFits(sizesBelow(limits, spec), (size) => fits(size));
  const { frames, width, height } = spec;
  return [...(shorter === undefined ? [] : [{ frames: shorter, width, height }]), ...(smaller ? [{ frames, ...smaller }] : [])];
}

/** In words, for a hint; null for none. */
export function describeSuggestions(suggestions: readonly Suggestion[], spec: GenerationSpec): string | null {
  if (suggestions.length === 0) return null;
  const ways = suggestions.map(({ frames, width, height }) =>
    frames === spec.frames ? `${width} × ${height} with ${frames} frames` : `${frames} frames at ${width} × ${height}`,
  );
  return `By its plan, ${ways.join(' or ')} would fit.`;
}

/** Allowed values below one, falling. */
function below({ min, max, step }: NumberRange, value: number): number[] {
  const by = step > 0 ? step : 1;
  const values: number[] = [];
  for (let next = min; next < value && next <= max; next += by) values.push(next);
  return values.reverse();
}

/** Allowed sizes of about the same shape, falling. */
function sizesBelow(
  { width: across, height: down }: ModelManifest['limits'],
  { width, height }: GenerationSpec,
): Pick<Suggestion, 'width' | 'height'>[] {
  const isWide = width >= height;
  const long = isWide ? across : down;
  const short = isWide ? down : across;
  const ratio = isWide ? height / width : width / height;
  return below(long, Math.max(width, height)).flatMap((side) => {
    const other = below(short, Math.round(side * ratio) + 1)[0];
    if (other === undefined) return [];
    return [isWide ? { width: side, height: other } : { width: other, height: side }];
  });
}

/** The first that fits of candidates that fall in what they take. */
function largestThatFits<T>(candidates: readonly T[], fits: (candidate: T) => boolean): T | undefined {
  let [from, to] = [0, candidates.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (fits(candidates[middle]!)) to = middle;
    else from = middle + 1;
  }
  return candidates[from];
}
