import type { EncoderChoice } from './encoder-ladder';

/** Options of one `encode` call, quantizers included (WebCodecs codec registrations; TypeScript's DOM types know only H.264's). */
export function encodeOptions({ codec, quantizer }: EncoderChoice, keyFrame: boolean): VideoEncoderEncodeOptions {
  return quantizer === undefined ? { keyFrame } : ({ keyFrame, [codec]: { quantizer } } as VideoEncoderEncodeOptions);
}
