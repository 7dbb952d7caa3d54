/** Runs work while others may write too (`shared`), or only if nobody writes (`exclusive`: else it is skipped). */
export type LibraryLock = (mode: 'shared' | 'exclusive', work: () => Promise<void>) => Promise<void>;

const NAME = 'kinora-library';

/** Web Locks across tabs. Without them, writers need no lock, and tidying waits for a browser that has them. */
export const withLibraryLock: LibraryLock = async (mode, work) => {
  const locks = globalThis.navigator?.locks;
  if (!locks) return mode === 'shared' ? work() : undefined;
  await locks.request(NAME, { mode, ifAvailable: mode === 'exclusive' }, async (lock) => {
    if (lock) await work();
  });
};
