import { KinoraError, throwIfAborted } from '../errors';
import { browserCodecs, type CodecsApi } from './codecs-api';
import { checkStreamSize, type StreamSize } from './codec-levels';
import { encodeOptions } from './encode-options';
import { encoderLadder, type Container, type EncoderChoice, type VideoCodec } from './encoder-ladder';
import { BT709_LIMITED, i420SizeBytes } from './i420';
import { withTimeout } from './with-timeout';

/** Two small frames take milliseconds; a software AV1 encoder on a busy machine, seconds. */
const PROBE_TIMEOUT_MS = 10_000;

/** Found encoders by API and size; failures are tried anew. */
const found = new WeakMap<CodecsApi['VideoEncoder'], Map<string, Promise<EncoderChoice>>>();

export interface ProbeOptions {
  readonly signal?: AbortSignal | undefined;
  /** WebCodecs to use; default: the browser's. */
  readonly codecs?: CodecsApi | undefined;
  /** Codecs that are not to be tried. */
  readonly without?: readonly VideoCodec[] | undefined;
  /** The only container to try. */
  readonly container?: Container | undefined;
}

/**
 * The best encoder for a clip of this size and rate, found by encoding two frames with each candidate in turn: what an encoder says of
 * itself (`isConfigSupported`) is wrong in places, and absent in others. Cached per size.
 *
 * Throws `no-encoder` when nothing works (naming what was tried), `invalid-spec` for odd sizes, `aborted`.
 */
export async function findEncoder(
  size: StreamSize,
  { signal, codecs = browserCodecs(), without = [], container }: ProbeOptions = {},
): Promise<EncoderChoice> {
  throwIfAborted(signal);
  checkStreamSize(size);
  const key = `${size.width}x${size.height}@${size.fps} ${without.join()} ${container ?? ''}`;
  const cache = found.get(codecs.VideoEncoder) ?? new Map<string, Promise<EncoderChoice>>();
  found.set(codecs.VideoEncoder, cache);
  let choice = cache.get(key);
  if (!choice) {
    choice = firstWorking(
      encoderLadder(size, container).filter(({ codec }) => !without.includes(codec)),
      codecs,
    );
    cache.set(key, choice);
    choice.catch(() => cache.delete(key));
  }
  const result = await choice;
  throwIfAborted(signal);
  return result;
}

/** The first of `candidates` that encodes two frames. Throws `no-encoder`. */
export async function firstWorking(candidates: readonly EncoderChoice[], codecs: CodecsApi): Promise<EncoderChoice> {
  const failures: string[] = [];
  for (const candidate of candidates) {
    const failure = (await whyNot(candidate, codecs)) ?? (await whyNotPlayable(candidate));
    if (failure === null) return candidate;
    const { config, container, hardwareAcceleration } = candidate;
    failures.push(`${config.codec} in ${container} (${hardwareAcceleration}): ${failure}`);
  }
  throw new KinoraError(
    'no-encoder',
    'This browser has no video encoder that works for a clip of this size.',
    'Try a current Chrome or Edge, or another size.',
    { cause: new Error(failures.join('; ') || 'nothing left to try') },
  );
}

/** Encodes two frames; null when both come out, the first as a key frame, else what went wrong. */
async function whyNot(choice: EncoderChoice, codecs: CodecsApi, timeoutMs = PROBE_TIMEOUT_MS): Promise<string | null> {
  const { width, height, framerate = 30 } = choice.config;
  const types: EncodedVideoChunkType[] = [];
  let described = false;
  let failure: DOMException | null = null;
  let encoder: VideoEncoder | null = null;
  try {
    encoder = new codecs.VideoEncoder({
      output: (chunk, metadata) => {
        types.push(chunk.type);
        described ||= metadata?.decoderConfig?.description !== undefined;
      },
      error: (error) => (failure = error),
    });
    encoder.configure(choice.config);
    const durationUs = 1e6 / framerate;
    for (let index = 0; index < 2; index++) {
      const frame = new codecs.VideoFrame(testPicture(width, height, index), {
        format: 'I420',
        codedWidth: width,
        codedHeight: height,
        timestamp: Math.round(index * durationUs),
        duration: Math.round(durationUs),
        colorSpace: BT709_LIMITED,
      });
      try {
        encoder.encode(frame, encodeOptions(choice, index === 0));
      } finally {
        frame.close();
      }
    }
    await withTimeout(encoder.flush(), timeoutMs, () => new Error(`no answer within ${timeoutMs} ms`));
  } catch (error) {
    return describe(failure ?? error);
  } finally {
    if (encoder && encoder.state !== 'closed') encoder.close();
  }
  if (failure) return describe(failure);
  if (types.length !== 2) return `${types.length} chunks for 2 frames`;
  // AMD's encoder on Windows has mislabelled key frames: https://github.com/remotion-dev/remotion/issues/7459
  if (types[0] !== 'key') return 'the first chunk is not a key frame';
  if (choice.codec === 'avc' && !described) return 'no decoder description for the container';
  return null;
}

/**
 * A browser may encode VP9 or AV1 and yet not play it from an MP4; then the next rung (WebM) serves its user better. H.264 in MP4 and
 * VP9 in WebM are taken as playable: where they are not, nothing else is.
 */
async function whyNotPlayable({ codec, container, config }: EncoderChoice): Promise<string | null> {
  const capabilities = globalThis.navigator?.mediaCapabilities;
  if (codec === 'avc' || container !== 'mp4' || !capabilities) return null;
  const { width, height, framerate = 30, bitrate = 1_000_000 } = config;
  try {
    const { supported } = await capabilities.decodingInfo({
      type: 'file',
      video: { contentType: `video/mp4; codecs="${config.codec}"`, width, height, framerate, bitrate },
    });
    return supported ? null : 'not playable here';
  } catch (error) {
    return describe(error);
  }
}

/** A gradient that moves: something to code in both frames. */
function testPicture(width: number, height: number, index: number): Uint8Array<ArrayBuffer> {
  const planes = new Uint8Array(i420SizeBytes(width, height)).fill(128);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) planes[y * width + x] = 48 + ((x + y + 8 * index) % 128);
  return planes;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
