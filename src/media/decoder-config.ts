/**
 * Offsets in an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) of profile compatibility and level: its own, and those of its
 * first SPS. An encoder may write another level for another bitrate; decoding does not depend on it.
 */
const AVC_LEVEL = 3;
const AVC_MAY_DIFFER = new Set([2, AVC_LEVEL, 10, 11]);

/**
 * One decoder configuration for the frames of two encoders that follow each other: the same but for H.264's level, of which the higher
 * is kept. Throws (a plain Error, for the writer to judge) where no decoder could play both with one configuration.
 */
export function mergeDecoderConfig(first: VideoDecoderConfig | null, next: VideoDecoderConfig | null): VideoDecoderConfig {
  if (!next) throw new Error('the encoder gave no decoder configuration');
  if (!first) return next;
  const a = descriptionBytes(first);
  const b = descriptionBytes(next);
  const isAvc = first.codec.startsWith('avc1');
  if (first.codec.split('.')[0] !== next.codec.split('.')[0] || a.length !== b.length)
    throw new Error('the new encoder continues in another format');
  if (a.some((byte, index) => byte !== b[index] && !(isAvc && AVC_MAY_DIFFER.has(index))))
    throw new Error('the new encoder continues with other parameters');
  return (b[AVC_LEVEL] ?? 0) > (a[AVC_LEVEL] ?? 0) ? next : first;
}

/** The codec's own configuration record, or no bytes where the codec carries it in its frames. */
export function descriptionBytes({ description }: VideoDecoderConfig): Uint8Array<ArrayBuffer> {
  if (!description) return new Uint8Array(0);
  return ArrayBuffer.isView(description)
    ? Uint8Array.from(new Uint8Array(description.buffer, description.byteOffset, description.byteLength))
    : Uint8Array.from(new Uint8Array(description));
}
