import type { TunedFacts } from './tuning';

/** After so many losses the graphics device is left: each job sets it up once, so a driver that breaks at every clip would be set up for ever. */
const MOST_LOSSES = 3;

/** How often the graphics device was lost since the engine began. */
export class DeviceLosses {
  #count = 0;

  count(): void {
    this.#count++;
  }

  /** Facts with what speaks against the device from now on. */
  apply<F extends TunedFacts>(facts: F): F {
    if (this.#count < MOST_LOSSES) return facts;
    return {
      ...facts,
      left: `The graphics device was lost ${this.#count} times since this page was opened, so it is left alone until a reload.`,
    };
  }
}
