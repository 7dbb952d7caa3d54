import { KinoraError, throwIfAborted, toKinoraError } from '../errors';
import { checkStreamSize, type StreamSize } from './codec-levels';
import { browserCodecs, type CodecsApi } from './codecs-api';
import { EncoderFallbacks } from './encoder-fallbacks';
import type { Container, EncoderChoice, VideoCodec } from './encoder-ladder';
import { EncoderSession } from './encoder-session';
import { checkFrame, type Frame } from './frame';
import { FrameGroups, type RetainedPicture } from './frame-groups';
import { i420SizeBytes, rgbaToI420, type I420Picture } from './i420';
import { MIME_TYPES, muxClip } from './mux';
import { findEncoder } from './probe';
import { composeComment } from './spec-comment';
import { upscale, type UpscaleFactor } from './upscale';

const WATCHDOG_MS = 30_000;

export interface VideoWriterOptions {
  /** Size of the frames that `add` takes, even. */
  readonly width: number;
  readonly height: number;
  /** Whole frames a second. */
  readonly fps: number;
  /** Whole-number enlargement of the video (see upscale.ts). Default 1. */
  readonly scale?: UpscaleFactor;
  /** What made the clip, kept in the file as JSON. */
  readonly spec: unknown;
  /** False leaves the spec out of the file; the AI-made mark stays. */
  readonly includeSpec: boolean;
  readonly signal?: AbortSignal;
  /** Codecs that broke on this clip before. */
  readonly without?: readonly VideoCodec[];
  /** The only container to write; default: the best that the browser can. */
  readonly container?: Container;
  /** WebCodecs to use; default: the browser's. */
  readonly codecs?: CodecsApi;
  /** How long the encoder may stay silent. Default 30 s. */
  readonly watchdogMs?: number;
}

/** What encoded the clip. */
interface EncoderInfo {
  /** Codec string, such as `avc1.42E00C`. */
  readonly codec: string;
  readonly container: Container;
  readonly hardwareAcceleration: string;
}

export interface WrittenVideo extends EncoderInfo {
  readonly blob: Blob;
  readonly mimeType: string;
  readonly frames: number;
  readonly sizeBytes: number;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

/**
 * Encodes frames, one at a time, into a video file. Ask for the next `add` only when the last has resolved: that is the backpressure.
 * Every method rejects with a KinoraError; after one that is not recovered from, so does every later call. Close it when done.
 */
export interface VideoWriter {
  /** What encodes, or null until the first frame has opened the encoder. May change if an encoder breaks early on. */
  readonly encoder: EncoderInfo | null;
  readonly framesAdded: number;
  /** Codecs that this writer has used or was told to leave out: after `no-encoder`, another writer may do without them. */
  readonly triedCodecs: readonly VideoCodec[];
  /** A picture in planes is encoded as it is, and so can't be enlarged. */
  add(frame: Frame | I420Picture): Promise<void>;
  /** Flushes, writes the container and its metadata, and closes. */
  finish(): Promise<WrittenVideo>;
  /** Frees the encoder. Idempotent. */
  close(): void;
}

/**
 * Opens a writer; the encoder itself opens with the first frame, since browsers take idle ones away. Throws `invalid-spec` for odd sizes,
 * rates that are not whole, and a spec that is not a JSON object or is too large; `no-encoder` where the browser has no WebCodecs.
 */
export function createVideoWriter(options: VideoWriterOptions): VideoWriter {
  return new ClipWriter(options);
}

class ClipWriter implements VideoWriter {
  readonly #options: VideoWriterOptions;
  readonly #scale: UpscaleFactor;
  /** Of the video, scale included. */
  readonly #size: StreamSize;
  readonly #comment: string;
  readonly #codecs: CodecsApi;
  readonly #fallbacks: EncoderFallbacks;
  readonly #groups = new FrameGroups();
  readonly #stop = (): void => this.#session?.close();

  #session: EncoderSession | null = null;
  #added = 0;
  #busy = false;
  #closed = false;
  #failure: KinoraError | null = null;

  constructor(options: VideoWriterOptions) {
    this.#options = options;
    this.#scale = options.scale ?? 1;
    this.#size = { width: options.width * this.#scale, height: options.height * this.#scale, fps: options.fps };
    checkStreamSize(this.#size);
    this.#comment = composeComment(options.spec, options.includeSpec);
    this.#codecs = options.codecs ?? browserCodecs();
    this.#fallbacks = new EncoderFallbacks(this.#size, this.#codecs, options.without, options.container);
    options.signal?.addEventListener('abort', this.#stop);
  }

  get encoder(): EncoderInfo | null {
    return this.#session && describeChoice(this.#session.choice);
  }

  get framesAdded(): number {
    return this.#added;
  }

  get triedCodecs(): readonly VideoCodec[] {
    return this.#fallbacks.triedCodecs;
  }

  add(frame: Frame | I420Picture): Promise<void> {
    return this.#exclusively(async () => {
      const picture = this.#toPicture(frame);
      const { signal, without, container } = this.#options;
      const choice = this.#session ? null : await findEncoder(this.#size, { signal, codecs: this.#codecs, without, container });
      const index = this.#added++;
      const timestampUs = Math.round((index * 1e6) / this.#size.fps);
      const retained = { index, timestampUs, picture };
      this.#groups.retain(retained);
      try {
        if (choice) await this.#start(this.#fallbacks.adopt(choice));
        else await this.#encode(retained);
      } catch (error) {
        await this.#recover(error);
      }
    });
  }

  #toPicture(frame: Frame | I420Picture): I420Picture {
    if (!('planes' in frame)) {
      checkFrame(frame, this.#options);
      return rgbaToI420(upscale(frame, this.#scale));
    }
    const { width, height } = this.#size;
    if (this.#scale !== 1 || frame.width !== width || frame.height !== height || frame.planes.length !== i420SizeBytes(width, height))
      throw new KinoraError(
        'internal',
        `A picture of ${frame.width} x ${frame.height} in planes does not fit a video of ${width} x ${height}.`,
        'Give frames in RGBA to have them enlarged.',
      );
    return frame;
  }

  finish(): Promise<WrittenVideo> {
    return this.#exclusively(async () => {
      if (!this.#session) throw new KinoraError('internal', "A clip without frames can't be finished.", 'Add at least one frame first.');
      while (!(await this.#flushed())) continue;
      const { choice } = this.#session;
      const { committed, config } = this.#groups;
      const bytes = await muxClip(committed, config!, { ...this.#size, ...choice, comment: this.#comment });
      const mimeType = MIME_TYPES[choice.container];
      const blob = new Blob([bytes], { type: mimeType });
      this.close();
      return { ...describeChoice(choice), ...this.#size, blob, mimeType, frames: committed.length, sizeBytes: blob.size };
    });
  }

  close(): void {
    this.#closed = true;
    this.#session?.close();
    this.#groups.release();
    this.#options.signal?.removeEventListener('abort', this.#stop);
  }

  /** Runs one call at a time, and remembers the error that ended the clip. */
  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#failure) throw this.#failure;
    if (this.#busy || this.#closed)
      throw new KinoraError(
        'internal',
        this.#closed ? 'The video is closed.' : 'The video is still busy with the last frame.',
        'Add frames one after the other, then finish.',
      );
    this.#busy = true;
    try {
      throwIfAborted(this.#options.signal);
      return await work();
    } catch (error) {
      this.#failure = toKinoraError(error);
      this.close();
      throw this.#failure;
    } finally {
      this.#busy = false;
    }
  }

  /** Opens an encoder and gives it the group in the making. Rejects with the encoder's own error. */
  async #start(choice: EncoderChoice): Promise<void> {
    this.#session?.close();
    this.#groups.restart();
    this.#session = new EncoderSession(choice, this.#codecs, this.#options.watchdogMs ?? WATCHDOG_MS, {
      onFrame: (frame, config) => {
        if (this.#groups.take(frame, config)) this.#fallbacks.succeeded();
      },
    });
    // The list shrinks while groups complete: what is encoded is what it was at the start.
    for (const [position, retained] of [...this.#groups.retained].entries()) await this.#encode(retained, position === 0);
  }

  #encode({ index, timestampUs, picture }: RetainedPicture, isFirst = false): Promise<void> {
    const session = this.#session!;
    const durationUs = Math.round(1e6 / this.#size.fps);
    return session.encode(picture, timestampUs, durationUs, isFirst || index % session.choice.keyInterval === 0);
  }

  /** One attempt to get everything out of the encoder. False: it failed, the frames are with another one, and that one must be flushed. */
  async #flushed(): Promise<boolean> {
    try {
      await this.#session!.flush();
      if (this.#groups.missing > 0) throw new Error(`${this.#groups.missing} frames never came out of the encoder`);
      this.#groups.commit();
      return true;
    } catch (error) {
      await this.#recover(error);
      return false;
    }
  }

  /** Puts another encoder in the place of one that failed. Throws that failure, or a KinoraError, when there is none to put. */
  async #recover(failure: unknown): Promise<void> {
    for (let error = failure; ;) {
      throwIfAborted(this.#options.signal);
      if (error instanceof KinoraError) throw error;
      if (this.#closed) throw new KinoraError('aborted', 'The video was closed before it was finished.', 'Start again whenever you like.');
      const choice = await this.#fallbacks.next(this.#session!.choice, error, this.#groups.committed.length > 0);
      try {
        return await this.#start(choice);
      } catch (next) {
        error = next;
      }
    }
  }
}

function describeChoice({ config, container, hardwareAcceleration }: EncoderChoice): EncoderInfo {
  return { codec: config.codec, container, hardwareAcceleration };
}
