import { KinoraError } from '../errors';
import { checkFrame, type Frame } from './frame';

/** A frame as a PNG, lossless, in a page or a worker. Throws `unsupported` where the browser has no OffscreenCanvas. */
export async function frameToPng(frame: Frame): Promise<Blob> {
  checkFrame(frame);
  const context = globalThis.OffscreenCanvas && new OffscreenCanvas(frame.width, frame.height).getContext('2d', { colorSpace: 'srgb' });
  if (!context)
    throw new KinoraError('unsupported', "This browser can't write pictures.", 'Use a current Chrome, Edge, Firefox or Safari.');
  // Canvases keep colours multiplied by alpha: only opaque pixels come back as they were.
  const rgba = frame.rgba.slice();
  for (let alpha = 3; alpha < rgba.length; alpha += 4) rgba[alpha] = 255;
  context.putImageData(new ImageData(rgba, frame.width, frame.height), 0, 0);
  return context.canvas.convertToBlob({ type: 'image/png' });
}
