import { toKinoraError, type KinoraError } from '../errors';
import type { Clip, Kinora } from '../engine/types';
import { fileNameFor } from './format';

export type ExportScale = 1 | 2 | 4;
export const EXPORT_SCALES: readonly ExportScale[] = [1, 2, 4];

/** Saves a clip, at its own size or larger. A scale that was made once is kept for as long as the clip is shown. */
export class ClipExport {
  scale = $state<ExportScale>(1);
  #busy = $state(false);
  #error = $state.raw<KinoraError | null>(null);
  readonly #made: Clip[];
  readonly #kinora: Pick<Kinora, 'exportClip'>;
  readonly #save: (blob: Blob, name: string) => void;
  readonly clip: Clip;

  constructor(clip: Clip, kinora: Pick<Kinora, 'exportClip'>, save: (blob: Blob, name: string) => void) {
    this.clip = clip;
    this.#kinora = kinora;
    this.#save = save;
    this.#made = [clip];
  }

  get busy(): boolean {
    return this.#busy;
  }

  get error(): KinoraError | null {
    return this.#error;
  }

  /** `MP4`, or what this browser could encode instead. */
  get container(): 'MP4' | 'WebM' {
    return this.clip.report.encoder.container === 'webm' ? 'WebM' : 'MP4';
  }

  sizeAt(scale: ExportScale): string {
    const { width, height } = this.clip.report.spec;
    return `${width * scale} × ${height * scale}`;
  }

  async #make(scale: ExportScale): Promise<Clip> {
    const made = await this.#kinora.exportClip(this.clip, { exportScale: scale });
    this.#made.push(made);
    return made;
  }

  /** Hands the file over, encoding it first if this scale wasn't made yet. */
  async download(): Promise<void> {
    if (this.#busy) return;
    const scale = this.scale;
    this.#busy = true;
    this.#error = null;
    try {
      const made = this.#made.find((clip) => clip.report.encoder.scale === scale) ?? (await this.#make(scale));
      const { spec, encoder } = made.report;
      this.#save(made.blob, fileNameFor(spec.prompt, spec.seed, scale === 1 ? '' : `-${scale}x`, encoder.container));
    } catch (thrown) {
      this.#error = toKinoraError(thrown);
    } finally {
      this.#busy = false;
    }
  }
}

/** Offers a blob as a download, through a link that lives for one click. */
export function saveFile(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
