import { KinoraError } from '../errors';
import { addMetadata } from './mp4-metadata';

/** The same video with another comment, in the same container: the encoded pictures stay as they are. */
export async function relabelVideo(file: Blob, comment: string): Promise<Blob> {
  if (file.type.startsWith('video/mp4')) {
    const bytes = addMetadata(new Uint8Array(await file.arrayBuffer()), comment);
    return new Blob([bytes], { type: 'video/mp4' });
  }
  const { ALL_FORMATS, BlobSource, BufferTarget, EncodedPacketSink, EncodedVideoPacketSource, Input, Output, WebMOutputFormat } =
    await import('mediabunny');
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  const track = await input.getPrimaryVideoTrack();
  const decoderConfig = await track?.getDecoderConfig();
  if (!track?.codec || !decoderConfig) throw new KinoraError('invalid-file', 'There is no video in this file.', 'Choose another clip.');
  const target = new BufferTarget();
  const output = new Output({ format: new WebMOutputFormat(), target });
  const source = new EncodedVideoPacketSource(track.codec);
  const { averagePacketRate } = await track.computePacketStats();
  output.addVideoTrack(source, { frameRate: Math.round(averagePacketRate) });
  output.setMetadataTags({ comment });
  await output.start();
  let meta: { decoderConfig: VideoDecoderConfig } | undefined = { decoderConfig };
  for await (const packet of new EncodedPacketSink(track).packets()) {
    await source.add(packet, meta);
    meta = undefined;
  }
  await output.finalize();
  input.dispose();
  return new Blob([target.buffer!], { type: 'video/webm' });
}
