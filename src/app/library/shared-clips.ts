import { createClipFiles, type ClipFiles } from '../../engine/clip-files';
import { openClips, type Clips } from '../../engine/clips';
import type { Clip, Kinora } from '../../engine/types';

interface SharedClips {
  readonly clips: Clips;
  readonly files: ClipFiles;
}

let shared: SharedClips | null = null;

/** The page's one library: its screen, the clips that are made, and dropped files all use it. */
export function sharedClips(): SharedClips {
  return (shared ??= { clips: openClips(), files: createClipFiles() });
}

/**
 * Keeps a clip that was just made, latents included: about twice the bytes of the video (20 kB of Storybook's), and what allows exact
 * frames later. Poster and embedding are a convenience: without them the clip is kept all the same.
 */
export async function keepClip(
  { blob, report, latents }: Clip,
  kinora: Pick<Kinora, 'embed'>,
  { clips, files } = sharedClips(),
): Promise<void> {
  const poster = await files.makePoster(blob, report.clip.frames).catch(() => null);
  const { id } = await clips.add({ spec: report.spec, report, file: blob, poster, latents: latents ?? null });
  // The model is in memory right now, so this takes milliseconds; it waits its turn behind the next clip.
  void kinora
    .embed(report.spec.prompt)
    .then((embedding) => clips.setEmbedding(id, embedding))
    .catch(() => undefined);
}
