/** Remembers, for one tab, that the page was reloaded for isolation: once is enough, however it ends. */
const RELOADED = 'kinora-reloaded-for-isolation';
/** A worker that takes longer to install than this is not waited for. */
const PATIENCE_MS = 5_000;
/** After a page has opened, before anything is fetched that nobody asked for. */
const IDLE_MS = 3_000;

/**
 * Registers service-worker.js, which lies beside the page. Resolves when it serves this page, or when it is clear that it won't
 * (no service workers here, a private mode, a failed install): the page works without. Where the host sends no isolation headers
 * the page is reloaded once, when the worker can add them; call this before anything is downloaded, and wait for it.
 */
export async function registerServiceWorker(url = './service-worker.js'): Promise<void> {
  const container = globalThis.navigator?.serviceWorker;
  if (!container) return;
  let registration: ServiceWorkerRegistration;
  try {
    registration = await container.register(url, { updateViaCache: 'none' });
  } catch {
    return; // Refused by the browser or its settings: no offline page then, and one thread where the host sends no headers.
  }
  const isServed = await becomesServed(container, registration);
  if (isServed && !globalThis.crossOriginIsolated && rememberReload()) {
    location.reload();
    await new Promise(() => undefined); // The page is going away.
  }
}

/** Lets the service worker keep the parts of the page that it does not start with, once the page has nothing else to do. */
export function keepRestOffline(): void {
  const container = globalThis.navigator?.serviceWorker;
  if (!container) return;
  const whenIdle = globalThis.requestIdleCallback ?? ((work: () => void) => setTimeout(work, IDLE_MS));
  setTimeout(() => whenIdle(() => void container.ready.then(({ active }) => active?.postMessage('keep-rest'))), IDLE_MS);
}

/** Whether the worker serves this page, now or within a few seconds. */
function becomesServed(container: ServiceWorkerContainer, registration: ServiceWorkerRegistration): Promise<boolean> {
  return new Promise((done) => {
    if (container.controller) return done(true);
    container.addEventListener('controllerchange', () => done(true), { once: true });
    setTimeout(done, PATIENCE_MS, false);
    const { installing, active } = registration;
    installing?.addEventListener('statechange', () => installing.state === 'redundant' && done(false));
    // A page that was reloaded past the worker (with Shift) is not served by it until it asks.
    if (!installing) active?.postMessage('claim');
  });
}

/** False when the page was reloaded before, or when that can't be remembered: never a loop. */
function rememberReload(): boolean {
  try {
    if (sessionStorage.getItem(RELOADED) !== null) return false;
    sessionStorage.setItem(RELOADED, '1');
    return sessionStorage.getItem(RELOADED) !== null;
  } catch {
    return false;
  }
}
