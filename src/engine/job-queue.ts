import { throwIfAborted } from '../errors';

interface Waiting {
  readonly start: () => void;
}

/** Runs jobs one at a time, in the order in which they were added. */
export class JobQueue {
  readonly #waiting: Waiting[] = [];
  #isRunning = false;

  /** Jobs that wait or run. */
  get length(): number {
    return this.#waiting.length + (this.#isRunning ? 1 : 0);
  }

  /**
   * Adds a job; resolves or rejects as it does. A job whose signal fires while it waits never starts and rejects with `aborted`
   * at once; a running one is left to notice by itself. `invalid` is a promise that rejects when the job turns out to be
   * impossible: a waiting job then rejects with it at once.
   */
  add<T>(job: () => Promise<T>, options: { signal?: AbortSignal | undefined; invalid?: Promise<unknown> } = {}): Promise<T> {
    const { signal, invalid } = options;
    return new Promise<T>((resolve, reject) => {
      const leave = (reason: unknown) => {
        const index = this.#waiting.indexOf(waiting);
        if (index < 0) return;
        this.#waiting.splice(index, 1);
        signal?.removeEventListener('abort', onAbort);
        reject(reason);
      };
      const onAbort = () => {
        try {
          throwIfAborted(signal);
        } catch (error) {
          leave(error);
        }
      };
      const waiting: Waiting = {
        start: () => {
          signal?.removeEventListener('abort', onAbort);
          this.#isRunning = true;
          job()
            .then(resolve, reject)
            .finally(() => {
              this.#isRunning = false;
              this.#next();
            });
        },
      };
      this.#waiting.push(waiting);
      signal?.addEventListener('abort', onAbort);
      if (signal?.aborted) return onAbort();
      invalid?.catch(leave);
      this.#next();
    });
  }

  #next(): void {
    if (!this.#isRunning) this.#waiting.shift()?.start();
  }
}
