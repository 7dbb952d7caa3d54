import { mount } from 'svelte';
import { createKinora } from '../engine/create-kinora';
import type { Clip } from '../engine/types';
import { keepRestOffline, registerServiceWorker } from '../engine/register-service-worker';
import App from './App.svelte';
import { keepAwake } from './keep-awake';
import { measureMemory } from './measure-memory';
import { notifyDone } from './notify';
import { ownQueue } from './own-queue';
import { Actions } from './shell/actions.svelte';
import { Screens } from './shell/screens.svelte';
import { carriesSpec } from './spec-link';
import { openLocalStore } from './stored-json';
import { Studio } from './studio.svelte';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import { Theme } from './theme.svelte';

const store = openLocalStore();
// Without a service worker (a private window, a browser setting) the page works too; it just isn't there offline.
const ready = registerServiceWorker().catch((thrown: unknown) => console.warn('No service worker:', thrown));
void ready.then(keepRestOffline);
const kinora = createKinora();
// Fetched with the first clip: not part of the first paint.
const library = { add: async (clip: Clip) => (await import('./library/shared-clips')).keepClip(clip, kinora) };
const studio = new Studio({ kinora, store, keepAwake, library, ready, ownQueue, measureMemory, notify: notifyDone });
const screens = new Screens(window, (hash) => {
  if (!carriesSpec(hash)) return;
  // Taken over once: a reload later must not undo what was changed since.
  void ready.then(() => {
    history.replaceState(null, '', location.pathname + location.search);
    return studio.openLink(hash);
  });
});
if (new URLSearchParams(location.search).has('tune')) screens.go('settings'); // which measures the device
const theme = new Theme(store, document.documentElement);
mount(App, { target: document.getElementById('app')!, props: { studio, theme, screens, actions: new Actions() } });
