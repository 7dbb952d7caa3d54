import { KinoraError, throwIfAborted } from '../errors';
import { browserCodecs, type CodecsApi } from './codecs-api';
import { checkStreamSize, type StreamSize } from './codec-levels';
import { mergeDecoderConfig } from './decoder-config';
import { encoderLadder, withLowerRate, type Container, type EncoderChoice, type VideoCodec } from './encoder-ladder';
import { EncoderSession, type EncodedFrame } from './encoder-session';
import { checkFrame, type Frame } from './frame';
import { rgbaToI420, type I420Picture } from './i420';
import { MIME_TYPES, muxClip } from './mux';
import { findEncoder, firstWorking } from './probe';
import { composeComment } from './spec-comment';
import { upscale, type UpscaleFactor } from './upscale';

/** Seconds between key frames: seeking stays quick, and as much is kept for encoding again when an encoder is lost. */
const KEY_FRAME_SECONDS = 2;
const WATCHDOG_MS = 30_000;
/** Browsers take an idle encoder away (w3c/webcodecs#282); one that goes time and again is no use. */
const MAX_RECLAIMS = 3;

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
  /** WebCodecs to use; default: the browser's. */
  readonly codecs?: CodecsApi;
  /** How long the encoder may stay silent. Default 30 s. */
  readonly watchdogMs?: number;
}

/** What encoded the clip. */
export interface EncoderInfo {
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
  add(frame: Frame): Promise<void>;
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

interface Retained {
  readonly index: number;
  readonly picture: I420Picture;
}

class ClipWriter implements VideoWriter {
  readonly #options: VideoWriterOptions;
  readonly #scale: UpscaleFactor;
  readonly #comment: string;
  readonly #codecs: CodecsApi;
  readonly #keyInterval: number;
  readonly #stop = (): void => this.#session?.close();

  #session: EncoderSession | null = null;
  /** What to try next with this codec, when the present encoder breaks. */
  #alternatives: EncoderChoice[] = [];
  readonly #triedCodecs = new Set<VideoCodec>();
  #reclaims = 0;
  #busy = false;
  #closed = false;
  #failure: KinoraError | null = null;

  #added = 0;
  /** Pictures since the last key frame that came out: what a new encoder starts from. */
  #retained: Retained[] = [];
  /** Frames whose group is complete: they stay, whatever happens to the encoder. */
  readonly #committed: EncodedFrame[] = [];
  #config: VideoDecoderConfig | null = null;
  /** Frames of the group in the making, from the present encoder. */
  #pending: EncodedFrame[] = [];
  #pendingConfig: VideoDecoderConfig | null = null;

  constructor(options: VideoWriterOptions) {
    this.#options = options;
    this.#scale = options.scale ?? 1;
    checkStreamSize(this.#videoSize());
    this.#comment = composeComment(options.spec, options.includeSpec);
    this.#codecs = options.codecs ?? browserCodecs();
    this.#keyInterval = Math.max(1, Math.round(KEY_FRAME_SECONDS * options.fps));
    options.signal?.addEventListener('abort', this.#stop);
  }

  get encoder(): EncoderInfo | null {
    return this.#session && describeChoice(this.#session.choice);
  }

  get framesAdded(): number {
    return this.#added;
  }

  add(frame: Frame): Promise<void> {
    return this.#exclusively(async () => {
      checkFrame(frame, this.#options);
      const size = this.#videoSize();
      const choice = this.#session ? null : await findEncoder(size, { signal: this.#options.signal, codecs: this.#codecs });
      const retained = { index: this.#added, picture: rgbaToI420(upscale(frame, this.#scale)) };
      this.#retained.push(retained);
      this.#added++;
      try {
        if (choice) await this.#start(this.#adopt(choice));
        else await this.#encode(retained, retained.index % this.#keyInterval === 0);
      } catch (error) {
        await this.#recover(error);
      }
    });
  }

  finish(): Promise<WrittenVideo> {
    return this.#exclusively(async () => {
      if (!this.#session) throw new KinoraError('internal', "A clip without frames can't be finished.", 'Add at least one frame first.');
      while (!(await this.#flushed())) continue;
      this.#commitPending();
      const { choice } = this.#session;
      const size = this.#videoSize();
      const bytes = await muxClip(this.#committed, this.#config!, { ...size, ...choice, comment: this.#comment });
      const mimeType = MIME_TYPES[choice.container];
      const blob = new Blob([bytes], { type: mimeType });
      this.close();
      return { ...describeChoice(choice), ...size, blob, mimeType, frames: this.#added, sizeBytes: blob.size };
    });
  }

  close(): void {
    this.#closed = true;
    this.#session?.close();
    this.#retained = [];
    this.#pending = [];
    this.#options.signal?.removeEventListener('abort', this.#stop);
  }

  #videoSize(): StreamSize {
    const { width, height, fps } = this.#options;
    return { width: width * this.#scale, height: height * this.#scale, fps };
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
      this.#failure = this.#asFailure(error);
      this.close();
      throw this.#failure;
    } finally {
      this.#busy = false;
    }
  }

  #asFailure(error: unknown): KinoraError {
    if (error instanceof KinoraError) return error;
    return new KinoraError(
      'no-encoder',
      'The video encoder failed, and so did every other way to encode this clip.',
      'Close other apps and tabs and try again, or use a current Chrome or Edge.',
      { cause: error },
    );
  }

  #adopt(choice: EncoderChoice): EncoderChoice {
    this.#triedCodecs.add(choice.codec);
    const software: EncoderChoice = {
      ...choice,
      hardwareAcceleration: 'prefer-software',
      config: { ...choice.config, hardwareAcceleration: 'prefer-software' },
    };
    const fallbacks = [software, withLowerRate(software, 1 / 2), withLowerRate(software, 1 / 4)];
    this.#alternatives = choice.hardwareAcceleration === 'prefer-software' ? fallbacks.slice(1) : fallbacks;
    return choice;
  }

  /** Opens an encoder and gives it the group in the making. Rejects with the encoder's own error. */
  async #start(choice: EncoderChoice): Promise<void> {
    this.#session?.close();
    this.#pending = [];
    this.#pendingConfig = null;
    const session = new EncoderSession(choice, this.#codecs, this.#options.watchdogMs ?? WATCHDOG_MS, {
      onFrame: (frame, config) => this.#take(frame, config),
    });
    this.#session = session;
    // The list shrinks while groups complete; what is encoded is what it was at the start.
    for (const [position, retained] of [...this.#retained].entries())
      await this.#encode(retained, position === 0 || retained.index % this.#keyInterval === 0);
  }

  #encode({ index, picture }: Retained, keyFrame: boolean): Promise<void> {
    const durationUs = Math.round(1e6 / this.#options.fps);
    return this.#session!.encode(picture, this.#timestampUs(index), durationUs, keyFrame);
  }

  #timestampUs(index: number): number {
    return Math.round((index * 1e6) / this.#options.fps);
  }

  /** One attempt to get everything out of the encoder; after a failure the frames are with another one, and it must be tried again. */
  async #flushed(): Promise<boolean> {
    try {
      await this.#session!.flush();
      if (this.#pending.length !== this.#retained.length)
        throw new Error(`${this.#pending.length} of the last ${this.#retained.length} frames came out of the encoder`);
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
      const choice = await this.#nextChoice(error);
      try {
        return await this.#start(choice);
      } catch (next) {
        error = next;
      }
    }
  }

  async #nextChoice(error: unknown): Promise<EncoderChoice> {
    const reclaimed = error instanceof Error && error.name === 'QuotaExceededError';
    if (reclaimed && this.#reclaims++ < MAX_RECLAIMS) return this.#session!.choice;
    const alternative = this.#alternatives.shift();
    if (alternative) return alternative;
    // A file holds one codec: another is possible only while nothing is settled.
    if (this.#committed.length > 0) throw error;
    const others = encoderLadder(this.#videoSize()).filter(({ codec }) => !this.#triedCodecs.has(codec));
    if (others.length === 0) throw error;
    return this.#adopt(await firstWorking(others, this.#codecs));
  }

  /** An encoded frame has arrived. Throws into the session where it is not the one that was due. */
  #take(frame: EncodedFrame, config: VideoDecoderConfig | undefined): void {
    if (config) this.#pendingConfig = config;
    if (frame.type === 'key' && this.#pending.length > 0) this.#commitPending();
    const due = this.#retained[this.#pending.length];
    if (!due || frame.timestampUs !== this.#timestampUs(due.index)) throw new Error('the encoder reorders frames');
    this.#pending.push(frame);
  }

  /** A group is complete: its pictures need not be kept any longer. */
  #commitPending(): void {
    this.#config = mergeDecoderConfig(this.#config, this.#pendingConfig);
    this.#committed.push(...this.#pending);
    this.#retained.splice(0, this.#pending.length);
    this.#pending = [];
    this.#reclaims = 0;
  }
}

function describeChoice({ config, container, hardwareAcceleration }: EncoderChoice): EncoderInfo {
  return { codec: config.codec, container, hardwareAcceleration };
}
