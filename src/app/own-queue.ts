/** Resolves when this tab may look after the stored queue: at once, or when the tab that does has gone. Held until the page goes. */
export function ownQueue(): Promise<void> {
  const { locks } = navigator;
  if (!locks) return Promise.resolve(); // An insecure page: its tabs can't know of each other.
  return new Promise((owned) => {
    const request = locks.request('kinora-queue', () => {
      owned();
      return new Promise<void>(() => undefined);
    });
    request.catch(() => owned()); // Locks refused (an opaque origin): as above.
  });
}
