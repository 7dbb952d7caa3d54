import { throwIfAborted } from '../../errors';

/** Resolves after `ms`; rejects with `aborted` as soon as the signal fires. */
export function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      try {
        throwIfAborted(signal);
        resolve();
      } catch (aborted) {
        reject(aborted);
      }
    };
    const timer = setTimeout(finish, signal?.aborted ? 0 : ms);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
