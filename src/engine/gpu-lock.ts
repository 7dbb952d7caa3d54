import { withLock, type LockOptions, type Locks } from '../weights/store/lock';

const NAME = 'kinora-gpu';
/** Between two looks at the lock. */
const LOOK_MS = 100;

/** Runs `work` while no other tab of this origin generates: two at once would fight over memory, and both would crawl. */
export function withGpuLock<T>(locks: Locks | undefined, options: LockOptions, work: () => Promise<T>): Promise<T> {
  return withLock(locks, NAME, options, work);
}

/** Whether some tab (this one included) generates right now. */
export async function isGpuLocked(locks: Locks | undefined): Promise<boolean> {
  return locks !== undefined && locks.request(NAME, { ifAvailable: true }, async (lock) => lock === null);
}

/** Waits until no tab generates, but no longer than this: a page that was reloaded in a long step holds the lock until the step is over. */
export async function untilGpuIsFree(locks: Locks | undefined, atMostMs: number): Promise<void> {
  for (let waited = 0; waited < atMostMs && (await isGpuLocked(locks)); waited += LOOK_MS)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
