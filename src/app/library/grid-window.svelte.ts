const GAP = 16;
/** Narrowest card; a phone gets two. */
const MIN_CARD = 150;
const COMFORTABLE_CARD = 208;
/** Beneath the picture: two lines and their padding. */
const CAPTION = 60;
/** Rows rendered beyond what can be seen, above and below. */
const SPARE_ROWS = 2;

/** Which part of a long grid is on the screen. Only that part is rendered; the rest is room. All in CSS pixels. */
export class GridWindow {
  width = $state(0);
  /** Of the grid's top edge, relative to the window's: negative once it has scrolled past. */
  top = $state(0);
  viewHeight = $state(800);
  count = $state(0);

  readonly columns = $derived.by(() => {
    const card = this.width < 700 ? MIN_CARD : COMFORTABLE_CARD;
    return Math.max(1, Math.floor((this.width + GAP) / (card + GAP)));
  });
  readonly cardWidth = $derived((this.width - GAP * (this.columns - 1)) / this.columns);
  readonly rowHeight = $derived(this.cardWidth + CAPTION + GAP);
  readonly height = $derived(Math.max(0, Math.ceil(this.count / this.columns) * this.rowHeight - GAP));
  readonly firstRow = $derived(Math.max(0, Math.floor(-this.top / this.rowHeight) - SPARE_ROWS));
  readonly first = $derived(Math.min(this.firstRow * this.columns, Math.max(0, this.count - 1)));
  readonly last = $derived.by(() => {
    const endRow = Math.ceil((this.viewHeight - this.top) / this.rowHeight) + SPARE_ROWS;
    return Math.max(this.first, Math.min(this.count, endRow * this.columns));
  });

  /** Where a card lies, relative to the grid. */
  place(index: number): { left: number; top: number } {
    return {
      left: (index % this.columns) * (this.cardWidth + GAP),
      top: Math.floor(index / this.columns) * this.rowHeight,
    };
  }

  /** The index that a key moves to from `index`, or null for keys that move nowhere. */
  move(key: string, index: number): number | null {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns };
    const pages = Math.max(1, Math.floor(this.viewHeight / this.rowHeight)) * this.columns;
    const wanted =
      key in steps
        ? index + steps[key]!
        : key === 'PageDown'
          ? index + pages
          : key === 'PageUp'
            ? index - pages
            : key === 'Home'
              ? 0
              : key === 'End'
                ? this.count - 1
                : null;
    if (wanted === null) return null;
    if (key.startsWith('Page')) return Math.min(this.count - 1, Math.max(0, wanted));
    return wanted >= 0 && wanted < this.count ? wanted : index;
  }
}
