/** A stretch of rows, channels or the like. */
export interface Range {
  readonly first: number;
  readonly count: number;
}

/** All of them, so many at a time. */
export function rangesOf(all: number, each: number): Range[] {
  return Array.from({ length: Math.ceil(all / each) }, (_, index) => ({ first: index * each, count: Math.min(each, all - index * each) }));
}

/** The largest count up to `all` that fits, where every smaller one fits too; 0 where not even one does. */
export function largestFitting(all: number, fits: (count: number) => boolean): number {
  if (fits(all)) return all;
  let [known, over] = [0, all];
  while (over - known > 1) {
    const middle = Math.floor((known + over) / 2);
    if (fits(middle)) known = middle;
    else over = middle;
  }
  return known;
}
