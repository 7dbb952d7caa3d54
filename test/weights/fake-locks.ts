type Work = (lock: Lock | null) => Promise<unknown>;

/** Web Locks in memory: exclusive, first come first served, with `ifAvailable` and `signal`. */
export class FakeLocks {
  /** Names of held locks, each with those who wait for it. */
  readonly #held = new Map<string, (() => void)[]>();

  readonly request = (async (name: string, { ifAvailable, signal }: LockOptions, work: Work) => {
    const queue = this.#held.get(name);
    if (queue && ifAvailable) return work(null);
    if (queue) await this.#wait(queue, signal ?? undefined);
    else this.#held.set(name, []);
    try {
      return await work({ name, mode: 'exclusive' });
    } finally {
      const next = this.#held.get(name)!.shift();
      if (next) next();
      else this.#held.delete(name);
    }
  }) as LockManager['request'];

  #wait(queue: (() => void)[], signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      queue.push(resolve);
      signal?.addEventListener('abort', () => {
        if (!queue.includes(resolve)) return; // it is our turn already
        queue.splice(queue.indexOf(resolve), 1);
        reject(signal.reason as Error);
      });
    });
  }
}
