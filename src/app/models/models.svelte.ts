import { toKinoraError, type KinoraError } from '../../errors';
import type { Kinora, ModelDescription, Progress } from '../../engine/types';
import type { Device } from '../device.svelte';
import { formatBytes } from '../format';

type Task = 'verify' | 'download' | 'delete';

/** What is done with a stored model: check it, fetch it, delete it. One thing at a time. */
export class Models {
  #task = $state<Task | null>(null);
  #progress = $state.raw<Progress | null>(null);
  #result = $state<string | null>(null);
  #error = $state.raw<KinoraError | null>(null);
  #abort: AbortController | null = null;
  readonly #kinora: Pick<Kinora, 'verify' | 'download' | 'remove'>;
  readonly #device: Device;

  constructor(kinora: Pick<Kinora, 'verify' | 'download' | 'remove'>, device: Device) {
    this.#kinora = kinora;
    this.#device = device;
  }

  get task(): Task | null {
    return this.#task;
  }

  get progress(): Progress | null {
    return this.#progress;
  }

  /** How the last thing ended, in a sentence. */
  get result(): string | null {
    return this.#result;
  }

  get error(): KinoraError | null {
    return this.#error;
  }

  verify(id: string): Promise<void> {
    return this.#run('verify', async (options) => {
      const damaged = await this.#kinora.verify(id, options);
      return damaged === 0
        ? 'Every byte is as it was published.'
        : `${formatBytes(damaged)} are damaged or missing. Download again to mend it; only that part is fetched.`;
    });
  }

  download(id: string): Promise<void> {
    return this.#run('download', async (options) => {
      await this.#kinora.download(id, options);
      return 'The model is on this device, checked.';
    });
  }

  remove(id: string): Promise<void> {
    return this.#run('delete', async () => `${formatBytes(await this.#kinora.remove(id))} freed.`);
  }

  stop(): void {
    this.#abort?.abort();
  }

  async #run(
    task: Task,
    work: (options: { signal: AbortSignal; onProgress: (progress: Progress) => void }) => Promise<string>,
  ): Promise<void> {
    if (this.#task) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.#task = task;
    this.#progress = null;
    this.#result = null;
    this.#error = null;
    try {
      this.#result = await work({ signal: abort.signal, onProgress: (progress) => (this.#progress = progress) });
    } catch (thrown) {
      const error = toKinoraError(thrown);
      if (error.code === 'aborted') this.#result = 'Stopped. What arrived is kept.';
      else this.#error = error;
    } finally {
      this.#task = null;
      this.#progress = null;
      this.#abort = null;
      await this.#device.refresh();
    }
  }
}

/** The licence, source and so on of a model, as rows of a list. */
export function describeModel({ manifest }: ModelDescription): readonly (readonly [string, string])[] {
  return [
    ['Licence', manifest.licence],
    ['Source', manifest.source],
    ['Revision', manifest.revision],
    [
      'Makes',
      `${manifest.defaults.width} × ${manifest.defaults.height}, ${manifest.defaults.frames} frames at ${manifest.defaults.fps} a second by default`,
    ],
    ['Files', manifest.files.map(({ name, sizeBytes }) => `${name} ${formatBytes(sizeBytes)}`).join(' · ')],
  ];
}
