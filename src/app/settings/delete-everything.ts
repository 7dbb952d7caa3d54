/**
 * Removes everything that Kinora keeps on this device: its databases (models, clips), its settings, and the page's own files that the
 * service worker keeps. Databases that another tab holds open go when that tab does. The page must be reloaded afterwards.
 */
export async function deleteEverything(scope: string): Promise<void> {
  const databases = (await indexedDB.databases?.()) ?? [];
  await Promise.all(databases.map(({ name }) => (name?.startsWith('kinora') ? deleteDatabase(name) : undefined)));
  for (const key of Object.keys(localStorage)) if (key.startsWith('kinora.')) localStorage.removeItem(key);
  const registration = await navigator.serviceWorker?.getRegistration();
  const prefix = `kinora:${new URL(scope).pathname}:`;
  for (const name of await caches.keys()) if (name.startsWith(prefix)) await caches.delete(name);
  await registration?.unregister();
}

function deleteDatabase(name: string): Promise<void> {
  return new Promise((done, failed) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => done();
    request.onerror = () => failed(request.error);
    request.onblocked = () => done(); // it goes when the last tab that uses it is closed
  });
}
