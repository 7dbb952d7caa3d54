import { toKinoraError, type KinoraError } from '../../errors';
import type { Kinora, ModelDescription, Progress } from '../../engine/types';
import type { Device } from '../device.svelte';
import { formatBytes } from '../format';

export type ModelTask = 'verify' | 'download' | 'download-again' | 'delete';

/** What is done with a stored model: check it, fetch it, delete it. One thing at a time. */
export class Models {
  #task = $state<ModelTask | null>(null);
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

  get task(): ModelTask | null {
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

  /** Hashes every stored byte again. */
  verify(id: string): Promise<void> {
    return this.#run('verify', async (options) => {
      const damaged = await this.#kinora.verify(id, options);
      return damaged === 0
        ? 'Checked: every byte is as it was published.'
        : `${formatBytes(damaged)} are damaged or missing. Download mends it; only that part is fetched.`;
    });
  }

  /** Fetches what is missing. */
  download(id: string): Promise<void> {
    return this.#run('download', async (options) => {
      await this.#kinora.download(id, options);
      return 'The model is on this device, checked.';
    });
  }

  /** Deletes and fetches anew: for when what is stored is not trusted. */
  downloadAgain(id: string): Promise<void> {
    return this.#run('download-again', async (options) => {
      await this.#kinora.remove(id);
      await this.#kinora.download(id, options);
      return 'Fetched again, and checked.';
    });
  }

  remove(id: string): Promise<void> {
    return this.#run('delete', async () => `Deleted: ${formatBytes(await this.#kinora.remove(id))} freed.`);
  }

  stop(): void {
    this.#abort?.abort();
  }

  async #run(
    task: ModelTask,
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

/** What a model says of itself, as rows of a list. */
export function describeModel({ manifest }: ModelDescription): readonly (readonly [string, string])[] {
  const { defaults, limits, files } = manifest;
  return [
    ['Licence', manifest.licence],
    ['Source', manifest.source],
    ['Revision', manifest.revision],
    [
      'Makes',
      `${limits.frames.min} to ${limits.frames.max} frames, by default ${defaults.frames} of ${defaults.width} × ${defaults.height} at ${defaults.fps} a second`,
    ],
    ['Reads', `about ${manifest.text.length - 2} words of a prompt`],
    ['Files', files.map(({ name, sizeBytes }) => `${name}, ${formatBytes(sizeBytes)}`).join('\n')],
  ];
}
