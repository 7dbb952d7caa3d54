import { av1Level, avcLevel, vp9Level, type StreamSize } from './codec-levels';

export type VideoCodec = 'avc' | 'vp9' | 'av1';
export type Container = 'mp4' | 'webm';

/** One way to encode a clip: everything the encoder and the container need to know. */
export interface EncoderChoice {
  readonly codec: VideoCodec;
  readonly container: Container;
  readonly hardwareAcceleration: 'no-preference' | 'prefer-software';
  /** Constant quantizer given with every frame, on the codec's own 0..63 scale; absent where the bitrate steers. */
  readonly quantizer?: number;
  /** Every so many frames one that needs no other. */
  readonly keyInterval: number;
  readonly config: VideoEncoderConfig;
}

/**
 * In H.264 every frame is a key frame. Chromium's software encoder (OpenH264) repeats blocks whose brightness hardly changes even when
 * their colour does: a yellow sun crossing a blue sky drags a trail. Frames that depend on others were 4 to 8 dB worse in colour from the
 * third on (flat art, 64 x 64: mean 29.3, worst 25.7 dB with a key frame every 16; 33.9 and 33.8 with key frames alone, of 34.9 that
 * 4:2:0 allows). It costs little here: 6.2 kB for 2.3 kB on flat art, nothing on noisy pictures; and every frame can be cut at.
 */
const AVC_KEY_INTERVAL = 1;

/** Seconds between key frames of VP9 and AV1, which have no such trouble. */
const KEY_FRAME_SECONDS = 2;

/**
 * Quantizer of VP9 and AV1 (0..63) where the encoder takes one. Their bitrate mode starves small clips whatever the rate: the model's
 * own decoded pictures at 64 x 64 came out 0.8 dB (VP9) and 1.8 dB (AV1) worse than at this quantizer. At 10 they are within 0.5 dB
 * of what 4:2:0 itself allows, for 13 to 16 kB a clip of 17 frames.
 */
const QUANTIZER = 10;

/**
 * Bits a second for H.264. Chromium's software encoder (OpenH264) does not heed it for key frames: it gives the same bytes from 2 to 8
 * bits a pixel, at a quantizer near 22, which keeps every plane above 39 dB, white noise included (1 to 2 bits a pixel on drawn
 * pictures, 5 on noise). Encoders that do heed it get enough for the same: 4 bits a pixel up to 256 x 256, falling with the side beyond.
 */
function targetBitrate({ width, height, fps }: StreamSize): number {
  const bitsPerPixel = Math.min(4, Math.max(1.5, (4 * 256) / Math.sqrt(width * height)));
  return Math.round(bitsPerPixel * width * height * fps);
}

/**
 * What to try, best first: H.264, then VP9 and AV1 in MP4, then VP9 in WebM; each with whatever the browser prefers, then in
 * software ('prefer-hardware' is a demand in Chromium, refused on machines without the hardware). H.264 asks for Constrained
 * Baseline first: every player has it, it never reorders frames, and at these rates Chromium's Main and High give the very same
 * bytes. Each profile is tried at the level computed for the clip, then at 4.0, for encoders that know no small levels.
 *
 * @param only the one container to try; with WebM, AV1 after VP9
 */
export function encoderLadder(size: StreamSize, only?: Container): EncoderChoice[] {
  const base = { width: size.width, height: size.height, framerate: size.fps, latencyMode: 'quality' } as const;
  const bitrate = targetBitrate(size);
  const computedLevel = avcLevel(size, bitrate);
  const levels = computedLevel < 40 ? [computedLevel, 40] : [computedLevel];
  const rungs: Omit<EncoderChoice, 'hardwareAcceleration'>[] = [];

  for (const profile of ['42E0', '4D00', '6400'])
    for (const level of levels)
      rungs.push({
        codec: 'avc',
        container: 'mp4',
        keyInterval: AVC_KEY_INTERVAL,
        config: { ...base, codec: `avc1.${profile}${hex(level)}`, bitrate, bitrateMode: 'variable', avc: { format: 'avc' } },
      });

  // Codec strings: "VP Codec ISO Media File Format Binding", 8-bit 4:2:0 profile 0; "AV1 Codec ISO Media File Format Binding".
  const vp9 = `vp09.00.${vp9Level(size)}.08`;
  const keyInterval = Math.max(1, Math.round(KEY_FRAME_SECONDS * size.fps));
  const av1 = `av01.0.${String(av1Level(size)).padStart(2, '0')}M.08`;
  for (const [codec, container, name] of [
    ['vp9', 'mp4', vp9],
    ['av1', 'mp4', av1],
    ['vp9', 'webm', vp9],
    // Whoever has not asked for WebM is better off with AV1 in MP4.
    ...(only === 'webm' ? ([['av1', 'webm', av1]] as const) : []),
  ] as const) {
    rungs.push({ codec, container, keyInterval, quantizer: QUANTIZER, config: { ...base, codec: name, bitrateMode: 'quantizer' } });
    rungs.push({ codec, container, keyInterval, config: { ...base, codec: name, bitrate, bitrateMode: 'variable' } });
  }

  const wanted = rungs.filter((rung) => only === undefined || rung.container === only);
  return wanted.flatMap((rung) =>
    (['no-preference', 'prefer-software'] as const).map((hardwareAcceleration) => ({
      ...rung,
      hardwareAcceleration,
      config: { ...rung.config, hardwareAcceleration },
    })),
  );
}

/**
 * The same codec with a share of the rate, for an encoder that broke on what it was given: OpenH264 fails on a frame that does not fit
 * its output buffer (white noise in all three planes at 128 x 128, say), and hardware has limits of its own.
 */
export function withLowerRate(choice: EncoderChoice, share: number): EncoderChoice {
  const { quantizer: _quantizer, ...rest } = choice;
  const { width, height, framerate = 30, bitrate } = choice.config;
  const full = bitrate ?? targetBitrate({ width, height, fps: framerate });
  return { ...rest, config: { ...choice.config, bitrateMode: 'variable', bitrate: Math.max(1, Math.round(full * share)) } };
}

function hex(level: number): string {
  return level.toString(16).toUpperCase().padStart(2, '0');
}
