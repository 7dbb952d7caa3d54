import { measureBackends } from './page';

Object.assign(globalThis, { measureBackends });
