import { KinoraError } from '../errors';

const LOCK_NAME = 'kinora.page.run';
/** A lock that nobody holds is granted well within this; after it, another tab has it. */
const GRANT_MS = 250;

/** Runs a task when no other tab of this page runs one; `onWait` is called once if there is a wait. */
export type TakeTurn = <T>(task: () => Promise<T>, options: { signal: AbortSignal; onWait: () => void }) => Promise<T>;

/** Takes turns through Web Locks: the browser frees a closed tab's lock by itself. Rejects with `aborted` when stopped while waiting. */
export function takeTurnsWith(locks: LockManager | undefined): TakeTurn {
  if (!locks) return (task) => task();
  return async (task, { signal, onWait }) => {
    const timer = setTimeout(onWait, GRANT_MS);
    let started = false;
    try {
      return await locks.request(LOCK_NAME, { signal }, () => {
        started = true;
        clearTimeout(timer);
        return task();
      });
    } catch (thrown) {
      if (!started && signal.aborted) throw new KinoraError('aborted', 'Stopped.', 'Start again whenever you like.', { cause: thrown });
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Resolves when no tab is running a clip. */
export async function whenNobodyRuns(locks: LockManager): Promise<void> {
  await locks.request(LOCK_NAME, () => undefined);
}
