import type { ClipFiles, ClipFormat, ConvertRequest } from '../../engine/clip-files';
import type { Kinora, Report } from '../../engine/types';
import { toKinoraError, type KinoraError } from '../../errors';
import { fileNameFor } from '../format';

export const FORMAT_NAMES: Readonly<Record<ClipFormat, string>> = {
  mp4: 'MP4 video',
  webm: 'WebM video',
  gif: 'GIF, loops anywhere',
  png: 'PNG, this frame',
  'png-zip': 'PNG, every frame (zip)',
};

/** Whole numbers: every pixel becomes a square of pixels. */
export const EXPORT_SCALES = [1, 2, 4] as const;
export type ExportScale = (typeof EXPORT_SCALES)[number];

const ENDINGS: Readonly<Record<ClipFormat, string>> = { mp4: 'mp4', webm: 'webm', gif: 'gif', png: 'png', 'png-zip': 'zip' };

/** A clip, wherever it is: on the stage or in the library. */
export interface DownloadSource {
  readonly name: string;
  readonly report: Report;
  readonly mimeType: string;
  readonly file: () => Promise<Blob>;
  /** Null where they weren't kept. */
  readonly latents: () => Promise<Float32Array | null>;
}

export interface DownloadServices {
  readonly files: Pick<ClipFiles, 'convert'>;
  readonly kinora: Pick<Kinora, 'exportClip'>;
  /** The model of a clip is on this device, and no clip is being made: then frames come from the latents, exactly. */
  readonly canDecode: (model: string) => boolean;
  readonly save: (blob: Blob, name: string) => void;
  readonly share?: Pick<Navigator, 'share' | 'canShare'> | null;
}

/** A clip on its way out: as what, how large, with or without its prompt. */
export class ClipDownload {
  format = $state<ClipFormat>('mp4');
  scale = $state<ExportScale>(1);
  includePrompt = $state(true);
  #busy = $state(false);
  #framesDone = $state(0);
  #error = $state.raw<KinoraError | null>(null);
  readonly clip: DownloadSource;
  readonly #services: DownloadServices;
  #stop: AbortController | null = null;

  constructor(clip: DownloadSource, services: DownloadServices) {
    this.clip = clip;
    this.#services = services;
    this.format = clip.mimeType.startsWith('video/webm') ? 'webm' : 'mp4';
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** 0 to 1, while a file is made. */
  get fraction(): number {
    return this.#framesDone / this.clip.report.clip.frames;
  }

  get error(): KinoraError | null {
    return this.#error;
  }

  get fileName(): string {
    const { name, report } = this.clip;
    return fileNameFor(name, report.spec.seed, this.scale === 1 ? '' : `-${this.scale}x`, ENDINGS[this.format]);
  }

  /** Whether this system can share files at all. */
  get canShare(): boolean {
    const { share } = this.#services;
    if (!share?.canShare || typeof File !== 'function') return false;
    return share.canShare({ files: [new File([], 'clip.mp4', { type: 'video/mp4' })] });
  }

  sizeAt(scale: number): string {
    const { width, height } = this.clip.report.spec;
    return `${width * scale} × ${height * scale}`;
  }

  async download(frameIndex: number): Promise<void> {
    await this.#work(async (signal) => this.#services.save(await this.#make(frameIndex, signal), this.fileName));
  }

  /** Hands the file to the system's share sheet; closing the sheet is no failure. */
  async share(frameIndex: number): Promise<void> {
    await this.#work(async (signal) => {
      const blob = await this.#make(frameIndex, signal);
      const file = new File([blob], this.fileName, { type: blob.type });
      await this.#services.share!.share({ files: [file], title: this.clip.name }).catch((thrown: unknown) => {
        if (!(thrown instanceof Error && thrown.name === 'AbortError')) throw thrown;
      });
    });
  }

  stop(): void {
    this.#stop?.abort();
  }

  async #make(frameIndex: number, signal: AbortSignal): Promise<Blob> {
    const { files } = this.#services;
    const { report } = this.clip;
    const { spec } = report;
    const { format, scale, includePrompt: includeSpec } = this;
    const file = await this.clip.file();
    const frames = await this.#exactFrames(file, signal);
    const request: ConvertRequest = { file, frames, fps: report.clip.fps, format, scale, spec, includeSpec, frameIndex };
    return files.convert(request, { signal, onProgress: (done) => (this.#framesDone = done) });
  }

  /** The frames as the autoencoder gives them, before any codec; null where the kept video has to do, or does as it is. */
  async #exactFrames(file: Blob, signal: AbortSignal): Promise<ConvertRequest['frames']> {
    const { kinora, canDecode } = this.#services;
    const { report } = this.clip;
    const { spec } = report;
    const asItIs = this.scale === 1 && file.type.startsWith(`video/${this.format}`);
    if (asItIs || !canDecode(spec.model)) return null;
    const latents = await this.clip.latents();
    if (!latents) return null;
    const { frames = [] } = await kinora.exportClip({ blob: file, report, latents }, { exportScale: 1, keepFrames: true, signal });
    return frames.map((rgba) => ({ width: spec.width, height: spec.height, rgba }));
  }

  async #work(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#error = null;
    this.#framesDone = 0;
    this.#stop = new AbortController();
    try {
      await work(this.#stop.signal);
    } catch (thrown) {
      const error = toKinoraError(thrown);
      if (error.code !== 'aborted') this.#error = error;
    } finally {
      this.#busy = false;
      this.#stop = null;
    }
  }
}
