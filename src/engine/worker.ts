/** The engine's worker: everything heavy happens here, so that the page stays smooth. */
import * as Comlink from 'comlink';
import { createBrowserEnvironment } from './browser-environment';
import { installWire } from './wire';
import { WorkerHost } from './worker-host';

installWire();
Comlink.expose(new WorkerHost(createBrowserEnvironment));
