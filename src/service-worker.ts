/// <reference lib="webworker" />
/**
 * The service worker: the page's own files offline, and cross-origin isolation where the host sends no headers for it. It keeps
 * the shell (all of it, one version at a time; the parts that a first visit does not start with follow when the page is idle) and, of
 * the wasm runtime, the files that this browser asked for. Weights pass it by:
 * they have their own store. Written by hand and without imports; scripts/vite-service-worker.mjs fills in the list of files.
 */
declare const self: ServiceWorkerGlobalScope;
declare const __KINORA_SHELL__: {
  readonly version: string;
  readonly shell: readonly string[];
  readonly later: readonly string[];
  readonly runtime: readonly string[];
};

const { version, shell, later, runtime } = __KINORA_SHELL__;
/** Other copies of Kinora may live under other paths of this origin: caches are shared by all of it. */
const PREFIX = `kinora:${new URL(self.registration.scope).pathname}:`;
const SHELL_CACHE = `${PREFIX}shell-${version}`;
/** Runtime files carry a hash in their name, so one cache serves every version. */
const RUNTIME_CACHE = `${PREFIX}runtime`;

const ISOLATION = [
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Embedder-Policy', 'require-corp'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
] as const;

const addressOf = (name: string): string => new URL(name, self.registration.scope).href;
const pageAddress = addressOf('index.html');
const shellAddresses = new Set([...shell, ...later].map(addressOf));
const runtimeAddresses = new Set(runtime.map(addressOf));

self.addEventListener('install', (event) => event.waitUntil(fillShell()));
self.addEventListener('activate', (event) => event.waitUntil(takeOver()));
self.addEventListener('message', (event) => {
  if (event.data === 'activate') event.waitUntil(self.skipWaiting());
  if (event.data === 'claim') event.waitUntil(self.clients.claim());
  if (event.data === 'keep-rest') event.waitUntil(keepRest());
});
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const address = withoutQuery(request.url);
  if (request.method !== 'GET' || !address.startsWith(self.registration.scope)) return;
  if (request.mode === 'navigate') {
    // Documents other than the page (headless.html, a licence text) come from the server.
    if (address === self.registration.scope || address === pageAddress) event.respondWith(answerNavigation());
    else event.respondWith(fetch(request).then(isolated));
  } else if (shellAddresses.has(address)) event.respondWith(answerShell(address, request));
  else if (runtimeAddresses.has(address)) event.respondWith(answerRuntime(address, request));
});

/**
 * All or nothing: a version that is missing a file never takes over. A first visitor waits for what the page starts with alone; the
 * version after another comes whole, so that nothing that worked offline stops to.
 */
async function fillShell(): Promise<void> {
  const isUpdate = (await caches.keys()).some((name) => name.startsWith(`${PREFIX}shell-`) && name !== SHELL_CACHE);
  await keep(isUpdate ? [...shell, ...later] : shell);
}

/** The parts of the page that are not kept yet. What can't be had now is fetched when it is needed, or at the next visit. */
async function keepRest(): Promise<void> {
  // A newer version takes over as soon as this one has nothing to do; it comes whole.
  if (self.registration.waiting || self.registration.installing) return;
  const cache = await caches.open(SHELL_CACHE);
  const kept = new Set((await cache.keys()).map(({ url }) => url));
  await keep(later.filter((name) => !kept.has(addressOf(name)))).catch(() => undefined);
}

async function keep(names: readonly string[]): Promise<void> {
  const cache = await caches.open(SHELL_CACHE);
  await cache.addAll(names.map((name) => new Request(addressOf(name), { cache: 'no-cache' })));
}

/** Drops what older versions kept, then serves the open pages too. */
async function takeOver(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(`${PREFIX}shell-`) && name !== SHELL_CACHE) await caches.delete(name);
  const cache = await caches.open(RUNTIME_CACHE);
  for (const request of await cache.keys()) if (!runtimeAddresses.has(request.url)) await cache.delete(request);
  await self.clients.claim();
}

/**
 * The page of this version. A newer version that waits takes over when the only open page reloads: a page never sees the files of
 * two versions, and nobody has to close all tabs.
 */
async function answerNavigation(): Promise<Response> {
  const pages = await self.clients.matchAll({ type: 'window' });
  if (self.registration.waiting && pages.length < 2) {
    self.registration.waiting.postMessage('activate');
    // A second: a navigation that comes while the new worker activates was seen to hang (docs/decisions.md).
    return isolated(new Response('', { headers: { 'Content-Type': 'text/html', Refresh: '1' } }));
  }
  const cached = await (await caches.open(SHELL_CACHE)).match(pageAddress);
  return isolated(cached ?? (await fetch(pageAddress)));
}

async function answerShell(address: string, request: Request): Promise<Response> {
  const cached = await (await caches.open(SHELL_CACHE)).match(address);
  return isolated(cached ?? (await fetch(request)));
}

async function answerRuntime(address: string, request: Request): Promise<Response> {
  const cache = await caches.open(RUNTIME_CACHE);
  const cached = await cache.match(address);
  if (cached) return isolated(cached);
  const response = await fetch(request);
  // A full disk must not keep the runtime from starting; it is fetched again next time.
  if (response.status === 200) await cache.put(address, response.clone()).catch(() => undefined);
  return isolated(response);
}

/** Adds the headers of cross-origin isolation where the host did not send them (docs/hosting.md). */
function isolated(response: Response): Response {
  if (response.type === 'opaque' || response.type === 'opaqueredirect' || response.status === 0) return response;
  // A response that came by a redirect may not answer a navigation; a copy of it may.
  if (response.headers.has('Cross-Origin-Embedder-Policy') && !response.redirected) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of ISOLATION) if (!headers.has(name)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

function withoutQuery(url: string): string {
  const address = new URL(url);
  address.search = '';
  address.hash = '';
  return address.href;
}

export {};
