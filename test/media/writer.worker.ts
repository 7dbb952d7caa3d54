import { frameToPng } from '../../src/media/png';
import { createVideoWriter } from '../../src/media/video-writer';
import { storybookClip } from './clips';

/** Writes a clip and a picture in a worker, where the engine does it. */
self.onmessage = async () => {
  const clip = storybookClip(64, 64, 17);
  const writer = createVideoWriter({ width: 64, height: 64, fps: 8, spec: { prompt: 'in a worker' }, includeSpec: true });
  for (const frame of clip) await writer.add(frame);
  const { blob, ...written } = await writer.finish();
  self.postMessage({ blob, written, png: await frameToPng(clip[0]!) });
};
