import type { CodecsApi } from './codecs-api';
import { encodeOptions } from './encode-options';
import type { EncoderChoice } from './encoder-ladder';
import { BT709_LIMITED, type I420Picture } from './i420';
import { withTimeout } from './with-timeout';

/** As many frames as an encoder may hold before the caller waits; unbounded queues have crashed drivers (w3c/webcodecs#748). */
const MAX_QUEUE = 4;

/** One encoded frame, as the container wants it. `timestampUs` is that of its picture. */
export interface EncodedFrame {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly type: EncodedVideoChunkType;
  readonly timestampUs: number;
}

export interface SessionEvents {
  /** Called with every frame, in the encoder's order; what it throws counts as a failure of the encoder. */
  readonly onFrame: (frame: EncodedFrame, decoderConfig: VideoDecoderConfig | undefined) => void;
}

/**
 * One VideoEncoder from configure to close. What it reports out of band is kept and thrown by the next call; a call that waits for it is
 * woken. Errors are the encoder's own: whether to go on is the writer's decision.
 */
export class EncoderSession {
  readonly choice: EncoderChoice;
  readonly #codecs: CodecsApi;
  readonly #encoder: VideoEncoder;
  readonly #watchdogMs: number;
  #failure: unknown = null;
  #onFailure: (() => void) | null = null;

  constructor(choice: EncoderChoice, codecs: CodecsApi, watchdogMs: number, { onFrame }: SessionEvents) {
    this.choice = choice;
    this.#codecs = codecs;
    this.#watchdogMs = watchdogMs;
    this.#encoder = new codecs.VideoEncoder({
      output: (chunk, metadata) => {
        if (this.#failure !== null) return;
        const data = new Uint8Array(chunk.byteLength);
        chunk.copyTo(data);
        try {
          onFrame({ data, type: chunk.type, timestampUs: chunk.timestamp }, metadata?.decoderConfig);
        } catch (error) {
          this.#fail(error);
        }
      },
      error: (error) => this.#fail(error),
    });
    try {
      this.#encoder.configure(choice.config);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Encodes one picture; resolves when the encoder has room for another. */
  async encode(picture: I420Picture, timestampUs: number, durationUs: number, keyFrame: boolean): Promise<void> {
    this.#throwIfFailed();
    const frame = new this.#codecs.VideoFrame(picture.planes, {
      format: 'I420',
      codedWidth: picture.width,
      codedHeight: picture.height,
      timestamp: timestampUs,
      duration: durationUs,
      colorSpace: BT709_LIMITED,
    });
    try {
      this.#encoder.encode(frame, encodeOptions(this.choice, keyFrame));
    } finally {
      frame.close();
    }
    while (this.#encoder.encodeQueueSize >= MAX_QUEUE) await this.#wait(this.#nextDequeue(), 'dequeue');
    this.#throwIfFailed();
  }

  /** Resolves when every picture has come out. Some encoders never answer; the watchdog does then. */
  async flush(): Promise<void> {
    this.#throwIfFailed();
    await this.#wait(this.#encoder.flush(), 'flush');
    this.#throwIfFailed();
  }

  /** Frees the encoder; whoever waits in `encode` or `flush` is woken with an error. Idempotent. */
  close(): void {
    this.#fail(new Error('the encoder was closed'));
    if (this.#encoder.state !== 'closed') this.#encoder.close();
  }

  async #wait(progress: Promise<unknown>, what: string): Promise<void> {
    const failed = new Promise<void>((resolve) => (this.#onFailure = resolve));
    // A flush that is cut short rejects too; what made it fail is kept in #failure and says more.
    const settled = progress.catch((error: unknown) => this.#fail(error));
    try {
      await withTimeout(Promise.race([settled, failed]), this.#watchdogMs, () => new Error(`no ${what} within ${this.#watchdogMs} ms`));
    } finally {
      this.#onFailure = null;
    }
    this.#throwIfFailed();
  }

  #nextDequeue(): Promise<void> {
    return new Promise((resolve) => this.#encoder.addEventListener('dequeue', () => resolve(), { once: true }));
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#onFailure?.();
  }

  #throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}
