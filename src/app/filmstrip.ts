import { momentOf } from './player.svelte';

/**
 * Draws evenly spaced frames of a video side by side into a canvas, through a video element of its own. Stops quietly
 * when the signal fires; rejects when the browser can't play the file.
 */
export async function drawFilmstrip(
  canvas: HTMLCanvasElement,
  video: { readonly url: string; readonly frames: number; readonly fps: number; readonly width: number; readonly height: number },
  pictures: number,
  signal: AbortSignal,
): Promise<void> {
  const element = document.createElement('video');
  element.muted = true;
  element.preload = 'auto';
  element.src = video.url;
  try {
    await eventOf(element, 'loadeddata', signal);
    const cell = { width: Math.min(video.width, 96), height: 0 };
    cell.height = Math.round((cell.width * video.height) / video.width);
    canvas.width = cell.width * pictures;
    canvas.height = cell.height;
    const context = canvas.getContext('2d');
    for (let i = 0; i < pictures; i += 1) {
      const frame = pictures === 1 ? 0 : Math.round((i * (video.frames - 1)) / (pictures - 1));
      element.currentTime = momentOf(frame, video.fps);
      await eventOf(element, 'seeked', signal);
      context?.drawImage(element, i * cell.width, 0, cell.width, cell.height);
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  } finally {
    element.removeAttribute('src');
    element.load();
  }
}

function eventOf(element: HTMLVideoElement, name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const listening = new AbortController();
    const settle = (action: () => void) => () => {
      listening.abort();
      action();
    };
    element.addEventListener(name, settle(resolve), { signal: listening.signal });
    element.addEventListener(
      'error',
      settle(() => reject(element.error)),
      { signal: listening.signal },
    );
    signal.addEventListener(
      'abort',
      settle(() => reject(signal.reason)),
      { signal: listening.signal },
    );
  });
}
