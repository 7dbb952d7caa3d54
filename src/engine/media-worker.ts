/** Clips as files of other formats, away from the page and from the engine's worker, which may be making a clip. */
import * as Comlink from 'comlink';
import { convertClip, type ConvertRequest } from '../media/convert-clip';
import { makePoster } from '../media/poster';
import { readClipSpec } from '../media/read-clip-spec';
import { installWire } from './wire';

const remote = {
  convert: (request: ConvertRequest, onProgress: ((done: number) => void) | null) =>
    convertClip(request, { onProgress: onProgress ?? undefined }),
  makePoster,
  readSpec: readClipSpec,
};

export type RemoteMedia = typeof remote;

installWire();
Comlink.expose(remote);
