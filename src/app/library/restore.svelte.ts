import type { ClipFiles } from '../../engine/clip-files';
import type { GenerationSpec } from '../../engine/spec';
import { KinoraError, toKinoraError } from '../../errors';

/** A file that was dropped or opened: the settings in it, or why there are none. */
export class Restore {
  #spec = $state.raw<GenerationSpec | null>(null);
  #error = $state.raw<KinoraError | null>(null);
  #fileName = $state('');
  #busy = $state(false);
  readonly #files: Pick<ClipFiles, 'readSpec'>;

  constructor(files: Pick<ClipFiles, 'readSpec'>) {
    this.#files = files;
  }

  get spec(): GenerationSpec | null {
    return this.#spec;
  }

  get error(): KinoraError | null {
    return this.#error;
  }

  get fileName(): string {
    return this.#fileName;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Whether there is something to show. */
  get isOpen(): boolean {
    return this.#busy || this.#spec !== null || this.#error !== null;
  }

  async read(file: File): Promise<void> {
    this.close();
    this.#fileName = file.name;
    this.#busy = true;
    try {
      this.#spec = await this.#files.readSpec(file);
      if (!this.#spec)
        throw new KinoraError(
          'invalid-file',
          'There are no Kinora settings in this file.',
          'It was made elsewhere, or saved without its prompt. Clips that Kinora saves with “include prompt” carry them.',
        );
    } catch (thrown) {
      this.#error = toKinoraError(thrown);
    } finally {
      this.#busy = false;
    }
  }

  close(): void {
    this.#spec = null;
    this.#error = null;
  }
}

/** A zip, by its name or its type: the library's own export, rather than a clip. */
export function isZip({ name, type }: { readonly name: string; readonly type: string }): boolean {
  return /\.zip$/i.test(name) || type === 'application/zip' || type === 'application/x-zip-compressed';
}
