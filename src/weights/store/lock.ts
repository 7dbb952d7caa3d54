import { toKinoraError } from '../../errors';

/** The part of the Web Locks API that is used; tests bring their own. */
export type Locks = Pick<LockManager, 'request'>;

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called when someone else holds the lock, before the wait. */
  readonly onWait?: () => void;
}

/**
 * Runs `work` while holding an exclusive lock of this name, across all tabs and workers of the origin. Where the
 * browser has no Web Locks (insecure pages), there is nothing to wait for. Throws `aborted` when stopped while waiting.
 */
export async function withLock<T>(
  locks: Locks | undefined,
  name: string,
  { signal, onWait }: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  if (!locks) return work();
  const taken = await locks.request(name, { ifAvailable: true }, async (lock) => (lock ? { result: await work() } : null));
  if (taken) return taken.result;
  onWait?.();
  try {
    return await locks.request(name, signal ? { signal } : {}, work);
  } catch (thrown) {
    throw signal?.aborted ? toKinoraError(new DOMException('Stopped while waiting.', 'AbortError')) : thrown;
  }
}
