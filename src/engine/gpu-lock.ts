import type { Locks } from './environment';

const NAME = 'kinora-gpu';

/**
 * Runs `work` while no other tab of this origin generates: two at once would fight over memory and both crawl. `onWait` is
 * called once when another tab has to be waited for. Rejects with the signal's AbortError when it fires while waiting.
 */
export async function withGpuLock<T>(
  locks: Locks | null,
  work: () => Promise<T>,
  { signal, onWait }: { signal?: AbortSignal | undefined; onWait?: () => void } = {},
): Promise<T> {
  if (!locks) return work();
  const attempt = await locks.request(NAME, { ifAvailable: true }, async (lock) => (lock ? { value: await work() } : null));
  if (attempt) return attempt.value;
  onWait?.();
  return locks.request(NAME, signal ? { signal } : {}, work);
}

/** Whether some tab (this one included) generates right now. */
export async function isGpuLocked(locks: Locks | null): Promise<boolean> {
  if (!locks) return false;
  return locks.request(NAME, { ifAvailable: true }, async (lock) => lock === null);
}
