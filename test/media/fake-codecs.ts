import type { CodecsApi } from '../../src/media/codecs-api';

/** What one fake encoder does; a test scripts one a session, in the order in which they are opened. */
export interface Script {
  /** Throw from configure. */
  readonly refuse?: DOMException;
  /** Report this out of band when frame number `at` (within the session) has been taken. */
  readonly fail?: { readonly at: number; readonly error: DOMException };
  /** Swallow the frame with this number in the session. */
  readonly lose?: number;
  /** Never settle flush. */
  readonly hang?: boolean;
  /** Label every chunk a delta. */
  readonly noKeyFrames?: boolean;
  /** Give out chunks in pairs, the later first. */
  readonly reorder?: boolean;
  /** Last byte of the decoder description. */
  readonly parameters?: number;
  /** Level in the decoder description. */
  readonly level?: number;
}

/**
 * WebCodecs that a test can look into and break: chunks of one byte (the number of the session) come out one task after their frame went
 * in, and every session, frame and close is on record.
 */
export class FakeCodecs implements CodecsApi {
  /** Every encoder that accepted its configuration, in order. */
  readonly sessions: FakeEncoder[] = [];
  /** Every encoder. */
  readonly encoders: FakeEncoder[] = [];
  framesMade = 0;
  framesClosed = 0;
  readonly VideoEncoder: typeof VideoEncoder;
  readonly VideoFrame: typeof VideoFrame;

  /**
   * @param scriptFor the script of session number `index`, opened with `config`; probes are sessions too, refused ones are not
   * @param delayMs from `encode` to its chunk
   */
  constructor(scriptFor: (config: VideoEncoderConfig, index: number) => Script = () => ({}), delayMs = 0) {
    const { sessions, encoders } = this;
    const count = (made: number, closed: number): void => {
      this.framesMade += made;
      this.framesClosed += closed;
    };
    this.VideoEncoder = class extends FakeEncoder {
      constructor(init: VideoEncoderInit) {
        super(init, scriptFor, sessions, delayMs);
        encoders.push(this);
      }
    } as unknown as typeof VideoEncoder;
    this.VideoFrame = class {
      readonly timestamp: number;
      constructor(_data: BufferSource, { timestamp }: VideoFrameBufferInit) {
        this.timestamp = timestamp;
        count(1, 0);
      }
      close(): void {
        count(0, 1);
      }
    } as unknown as typeof VideoFrame;
  }

  /** Encoders that nobody closed. */
  get open(): number {
    return this.encoders.filter(({ state }) => state !== 'closed').length;
  }
}

export class FakeEncoder extends EventTarget {
  state: CodecState = 'unconfigured';
  encodeQueueSize = 0;
  deepestQueue = 0;
  config!: VideoEncoderConfig;
  script: Script = {};
  readonly keyFrames: number[] = [];
  readonly #init: VideoEncoderInit;
  readonly #scriptFor: (config: VideoEncoderConfig, index: number) => Script;
  readonly #sessions: FakeEncoder[];
  #index = -1;
  readonly #delayMs: number;
  readonly #work: Promise<void>[] = [];
  #taken = 0;
  #held: { type: EncodedVideoChunkType; timestamp: number } | null = null;

  constructor(
    init: VideoEncoderInit,
    scriptFor: (config: VideoEncoderConfig, index: number) => Script,
    sessions: FakeEncoder[],
    delayMs: number,
  ) {
    super();
    this.#init = init;
    this.#scriptFor = scriptFor;
    this.#delayMs = delayMs;
    this.#sessions = sessions;
  }

  configure(config: VideoEncoderConfig): void {
    this.config = config;
    this.script = this.#scriptFor(config, this.#sessions.length);
    if (this.script.refuse) throw this.script.refuse;
    this.#index = this.#sessions.push(this) - 1;
    this.state = 'configured';
  }

  encode(frame: VideoFrame, options: VideoEncoderEncodeOptions): void {
    if (this.state !== 'configured') throw new DOMException('not configured', 'InvalidStateError');
    const number = this.#taken++;
    const keyFrame = options.keyFrame === true;
    if (keyFrame) this.keyFrames.push(frame.timestamp);
    this.deepestQueue = Math.max(this.deepestQueue, ++this.encodeQueueSize);
    const { timestamp } = frame;
    const previous = this.#work.at(-1) ?? Promise.resolve();
    this.#work.push(previous.then(() => this.#finish(number, timestamp, keyFrame)));
  }

  async #finish(number: number, timestamp: number, keyFrame: boolean): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#delayMs));
    if (this.state === 'closed') return;
    const { fail, lose, reorder, noKeyFrames } = this.script;
    if (fail?.at === number) {
      this.state = 'closed';
      this.#init.error(fail.error);
      return;
    }
    this.encodeQueueSize--;
    this.dispatchEvent(new Event('dequeue'));
    if (lose === number) return;
    const chunk = { type: (keyFrame && !noKeyFrames ? 'key' : 'delta') as EncodedVideoChunkType, timestamp };
    if (reorder && !keyFrame && !this.#held) {
      this.#held = chunk;
      return;
    }
    this.#emit(chunk);
    if (this.#held) this.#emit(this.#held);
    this.#held = null;
  }

  #emit({ type, timestamp }: { type: EncodedVideoChunkType; timestamp: number }): void {
    const session = this.#index;
    const chunk = { type, timestamp, byteLength: 1, copyTo: (target: Uint8Array) => target.set([session]) };
    const { level = 12, parameters = 0 } = this.script;
    const isAvc = this.config.codec.startsWith('avc1');
    const decoderConfig = {
      codec: this.config.codec,
      codedWidth: this.config.width,
      codedHeight: this.config.height,
      // version, profile, compatibility, level, length size, one SPS of four bytes, no PPS, a byte that tells parameters apart
      ...(isAvc ? { description: Uint8Array.from([1, 66, 0xc0, level, 255, 225, 0, 4, 0x67, 66, 0xc0, level, 0, parameters]) } : {}),
    };
    this.#init.output(
      chunk as unknown as EncodedVideoChunk,
      type === 'key' || timestamp === 0 ? ({ decoderConfig } as EncodedVideoChunkMetadata) : undefined,
    );
  }

  async flush(): Promise<void> {
    if (this.state !== 'configured') throw new DOMException('not configured', 'InvalidStateError');
    await Promise.all(this.#work);
    if (this.script.hang) await new Promise(() => {});
    if ((this.state as CodecState) === 'closed') throw new DOMException('closed', 'AbortError');
  }

  close(): void {
    if (this.state === 'closed') throw new DOMException('already closed', 'InvalidStateError');
    this.state = 'closed';
  }
}
