import { mount } from 'svelte';
import { createKinora } from '../engine/create-kinora';
import { registerServiceWorker } from '../engine/register-service-worker';
import App from './App.svelte';
import { keepAwake } from './keep-awake';
import { openLocalStore } from './stored-json';
import { Studio } from './studio.svelte';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import { Theme } from './theme.svelte';

const store = openLocalStore();
const studio = new Studio({ kinora: createKinora(), store, keepAwake, ready: registerServiceWorker() });
const theme = new Theme(store, document.documentElement);
mount(App, { target: document.getElementById('app')!, props: { studio, theme } });
