import { ArrayBufferTarget, Muxer } from 'mp4-muxer';
import type { StreamSize } from './codec-levels';
import { descriptionBytes } from './decoder-config';
import type { Container, VideoCodec } from './encoder-ladder';
import type { EncodedFrame } from './encoder-session';
import { BT709_LIMITED } from './i420';
import { addMetadata } from './mp4-metadata';

export const MIME_TYPES: Readonly<Record<Container, string>> = { mp4: 'video/mp4', webm: 'video/webm' };

export interface MuxOptions extends StreamSize {
  readonly codec: VideoCodec;
  readonly container: Container;
  /** Text of the file's comment (see spec-comment.ts). */
  readonly comment: string;
}

/**
 * Encoded frames as a file: frame i is shown at exactly i / fps. MP4 comes with its index in front (fast start), the comment, and the
 * AI-made mark; WebM with the comment. H.264 and VP9 in MP4 are mp4-muxer's; it writes an empty AV1 configuration record and no
 * WebM, so those are mediabunny's, loaded only then.
 */
export async function muxClip(
  frames: readonly EncodedFrame[],
  decoderConfig: VideoDecoderConfig,
  options: MuxOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  // What went into the encoder is BT.709 limited (see i420.ts), whatever it says of it.
  const config = { ...decoderConfig, colorSpace: BT709_LIMITED };
  if (options.container === 'webm') return muxWithMediabunny(frames, config, options);
  const { codec } = options;
  const plain = codec === 'av1' ? await muxWithMediabunny(frames, config, options) : muxWithMp4Muxer(frames, config, { ...options, codec });
  return addMetadata(plain, options.comment);
}

function muxWithMp4Muxer(
  frames: readonly EncodedFrame[],
  config: VideoDecoderConfig,
  { codec, width, height, fps }: MuxOptions & { readonly codec: 'avc' | 'vp9' },
): Uint8Array<ArrayBuffer> {
  const target = new ArrayBufferTarget();
  // With a frame rate the track's clock ticks once a frame, so that every timestamp is exact.
  const muxer = new Muxer({ target, video: { codec, width, height, frameRate: fps }, fastStart: 'in-memory' });
  const description = descriptionBytes(config);
  const meta = { decoderConfig: { ...config, ...(description.length > 0 ? { description } : {}) } } as EncodedVideoChunkMetadata;
  for (const [index, { data, type }] of frames.entries())
    muxer.addVideoChunkRaw(data, type, (index * 1e6) / fps, 1e6 / fps, index === 0 ? meta : undefined);
  muxer.finalize();
  return new Uint8Array(target.buffer);
}

async function muxWithMediabunny(
  frames: readonly EncodedFrame[],
  decoderConfig: VideoDecoderConfig,
  { codec, container, comment, fps }: MuxOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { BufferTarget, EncodedPacket, EncodedVideoPacketSource, Mp4OutputFormat, Output, WebMOutputFormat } = await import('mediabunny');
  const target = new BufferTarget();
  const format = container === 'webm' ? new WebMOutputFormat() : new Mp4OutputFormat({ fastStart: 'in-memory' });
  const output = new Output({ format, target });
  const source = new EncodedVideoPacketSource(codec);
  output.addVideoTrack(source, { frameRate: fps });
  if (container === 'webm') output.setMetadataTags({ comment });
  await output.start();
  for (const [index, { data, type }] of frames.entries())
    await source.add(new EncodedPacket(data, type, index / fps, 1 / fps), index === 0 ? { decoderConfig } : undefined);
  await output.finalize();
  return new Uint8Array(target.buffer!);
}
