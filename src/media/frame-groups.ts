import { mergeDecoderConfig } from './decoder-config';
import type { EncodedFrame } from './encoder-session';
import type { I420Picture } from './i420';

/** A picture that can still be encoded again. */
export interface RetainedPicture {
  readonly index: number;
  readonly timestampUs: number;
  readonly picture: I420Picture;
}

/**
 * Where a clip's frames stand. Until a group (a key frame and what depends on it) has come out of the encoder whole, its pictures are
 * retained, so that another encoder can take over from its key frame; after that only the encoded frames are kept.
 */
export class FrameGroups {
  #retained: RetainedPicture[] = [];
  /** Encoded frames of the group in the making: pending[i] belongs to retained[i]. */
  #pending: EncodedFrame[] = [];
  #pendingConfig: VideoDecoderConfig | null = null;
  #config: VideoDecoderConfig | null = null;
  readonly #committed: EncodedFrame[] = [];

  /** Pictures from the last key frame that came out, on. */
  get retained(): readonly RetainedPicture[] {
    return this.#retained;
  }

  /** Frames of complete groups, in order. */
  get committed(): readonly EncodedFrame[] {
    return this.#committed;
  }

  /** Pictures whose frames have not come out yet. */
  get missing(): number {
    return this.#retained.length - this.#pending.length;
  }

  /** The decoder configuration for all committed frames; null before the first group. */
  get config(): VideoDecoderConfig | null {
    return this.#config;
  }

  retain(picture: RetainedPicture): void {
    this.#retained.push(picture);
  }

  /** A new encoder starts at the group's key frame: what the last one gave of this group is dropped. */
  restart(): void {
    this.#pending = [];
    this.#pendingConfig = null;
  }

  /**
   * A frame has come out; a key frame completes the group before it, if there is one (then true). Throws an Error unless it is the very
   * frame that was due.
   */
  take(frame: EncodedFrame, config: VideoDecoderConfig | undefined): boolean {
    const completes = frame.type === 'key' && this.#pending.length > 0;
    if (completes) this.commit();
    if (config) this.#pendingConfig = config;
    const due = this.#retained[this.#pending.length];
    if (frame.timestampUs !== due?.timestampUs) throw new Error('the encoder reorders frames');
    if (this.#pending.length === 0 && frame.type !== 'key') throw new Error('the encoder starts without a key frame');
    this.#pending.push(frame);
    return completes;
  }

  /** Settles what has come out; called for the last group when the encoder is empty. Throws an Error where it does not fit what is settled. */
  commit(): void {
    this.#config = mergeDecoderConfig(this.#config, this.#pendingConfig);
    this.#committed.push(...this.#pending);
    this.#retained.splice(0, this.#pending.length);
    this.#pending = [];
  }

  /** Drops the pictures. */
  release(): void {
    this.#retained = [];
    this.#pending = [];
  }
}
