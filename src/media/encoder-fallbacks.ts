import { KinoraError } from '../errors';
import type { StreamSize } from './codec-levels';
import type { CodecsApi } from './codecs-api';
import { encoderLadder, withLowerRate, type Container, type EncoderChoice, type VideoCodec } from './encoder-ladder';
import { firstWorking } from './probe';

/** Browsers take an idle encoder away (w3c/webcodecs#282); one that goes time and again without giving a group is no use. */
const MAX_RECLAIMS = 3;

/** What to try when the encoder of a clip breaks, in order: itself again if it was only taken away, software, less rate, another codec. */
export class EncoderFallbacks {
  readonly #size: StreamSize;
  readonly #codecs: CodecsApi;
  readonly #container: Container | undefined;
  readonly #triedCodecs: Set<VideoCodec>;
  #sameCodec: EncoderChoice[] = [];
  #reclaims = 0;

  constructor(size: StreamSize, codecs: CodecsApi, without: readonly VideoCodec[] = [], container?: Container) {
    this.#size = size;
    this.#codecs = codecs;
    this.#triedCodecs = new Set(without);
    this.#container = container;
  }

  /** Codecs that were used, or were not to be. */
  get triedCodecs(): readonly VideoCodec[] {
    return [...this.#triedCodecs];
  }

  /** The clip is encoded with `choice` from now on. */
  adopt(choice: EncoderChoice): EncoderChoice {
    this.#triedCodecs.add(choice.codec);
    const software: EncoderChoice = {
      ...choice,
      hardwareAcceleration: 'prefer-software',
      config: { ...choice.config, hardwareAcceleration: 'prefer-software' },
    };
    const fallbacks = [software, withLowerRate(software, 1 / 2), withLowerRate(software, 1 / 4)];
    this.#sameCodec = choice.hardwareAcceleration === 'prefer-software' ? fallbacks.slice(1) : fallbacks;
    return choice;
  }

  /** A group is complete: a later reclaim counts anew. */
  succeeded(): void {
    this.#reclaims = 0;
  }

  /**
   * The next choice after `current` failed with `error`. Throws `no-encoder` when none is left.
   *
   * @param codecIsSettled frames of a complete group exist: the file holds one codec, so another is no longer possible
   */
  async next(current: EncoderChoice, error: unknown, codecIsSettled: boolean): Promise<EncoderChoice> {
    const reclaimed = error instanceof Error && error.name === 'QuotaExceededError';
    if (reclaimed && this.#reclaims++ < MAX_RECLAIMS) return current;
    const sameCodec = this.#sameCodec.shift();
    if (sameCodec) return sameCodec;
    if (codecIsSettled) throw noneLeft(error);
    const others = encoderLadder(this.#size, this.#container).filter(({ codec }) => !this.#triedCodecs.has(codec));
    if (others.length === 0) throw noneLeft(error);
    return this.adopt(await firstWorking(others, this.#codecs));
  }
}

function noneLeft(cause: unknown): KinoraError {
  return new KinoraError(
    'no-encoder',
    'The video encoder failed, and so did every other way to encode this clip.',
    'Close other apps and tabs and try again, or use a current Chrome or Edge.',
    { cause },
  );
}
