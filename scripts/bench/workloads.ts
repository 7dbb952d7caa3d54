import { readFile } from 'node:fs/promises';
import { networkWorkloads, type Workload } from './network-workloads';

const MODEL = new URL('../../public/models/storybook/', import.meta.url);

/** The bundled model's networks in Node. `model` is its folder. */
export function workloads(model = MODEL): Promise<Workload[]> {
  return networkWorkloads((name) => readFile(new URL(name, model)));
}
