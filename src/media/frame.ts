import { KinoraError } from '../errors';

/** One picture: RGBA, row-major [height, width, 4], 8 bits, sRGB as displayed. Alpha is ignored by the video encoders. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** Throws `internal` unless the frame's bytes match its size and, where given, the size that was announced. */
export function checkFrame(frame: Frame, expected?: { readonly width: number; readonly height: number }): void {
  if (expected && (frame.width !== expected.width || frame.height !== expected.height))
    throw new KinoraError(
      'internal',
      `A frame of ${frame.width} x ${frame.height} arrived in a clip of ${expected.width} x ${expected.height}.`,
      'Every frame of a clip must have the same size.',
    );
  if (frame.rgba.length !== frame.width * frame.height * 4)
    throw new KinoraError(
      'internal',
      `A frame of ${frame.width} x ${frame.height} holds ${frame.rgba.length} bytes instead of ${frame.width * frame.height * 4}.`,
      'A frame is RGBA, four bytes a pixel.',
    );
}
