import { ALL_FORMATS, BlobSource, EncodedPacketSink, Input, type EncodedPacket } from 'mediabunny';
import type { Frame } from '../../src/media/frame';
import { i420ToRgba, type I420Picture } from '../../src/media/i420';

export interface ReadVideo {
  /** As the decoder gives them. */
  readonly pictures: I420Picture[];
  /** The same by our own inverse: no conversion of the browser's in between. */
  readonly frames: Frame[];
  readonly packets: EncodedPacket[];
  readonly config: VideoDecoderConfig;
  readonly comment: string | undefined;
  readonly mimeType: string;
  readonly duration: number;
}

/** A video file as mediabunny and this browser's own decoder see it. Every VideoFrame is closed. */
export async function readVideo(blob: Blob): Promise<ReadVideo> {
  const input = new Input({ source: new BlobSource(blob), formats: ALL_FORMATS });
  const track = (await input.getPrimaryVideoTrack())!;
  const config = (await track.getDecoderConfig())!;
  const packets: EncodedPacket[] = [];
  for await (const packet of new EncodedPacketSink(track).packets()) packets.push(packet);

  const decoded: VideoFrame[] = [];
  let failure: DOMException | null = null;
  const decoder = new VideoDecoder({ output: (frame) => decoded.push(frame), error: (error) => (failure = error) });
  decoder.configure(config);
  for (const packet of packets) decoder.decode(packet.toEncodedVideoChunk());
  await decoder.flush();
  decoder.close();
  if (failure) throw failure as DOMException;

  const pictures: I420Picture[] = [];
  for (const frame of decoded) {
    pictures.push(await copyPlanes(frame));
    frame.close();
  }
  const { comment } = await input.getMetadataTags();
  return {
    pictures,
    frames: pictures.map(i420ToRgba),
    packets,
    config,
    comment,
    mimeType: await input.getMimeType(),
    duration: await input.computeDuration(),
  };
}

async function copyPlanes(frame: VideoFrame): Promise<I420Picture> {
  if (frame.format !== 'I420') throw new Error(`decoded as ${frame.format}`);
  const { width, height } = frame.visibleRect!;
  const planes = new Uint8Array((width * height * 3) / 2);
  const layout = [
    { offset: 0, stride: width },
    { offset: width * height, stride: width / 2 },
    { offset: (width * height * 5) / 4, stride: width / 2 },
  ];
  await frame.copyTo(planes, { rect: { x: 0, y: 0, width, height }, layout });
  return { width, height, planes };
}
