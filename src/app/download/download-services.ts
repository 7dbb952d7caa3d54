import { sharedClips } from '../library/shared-clips';
import type { Studio } from '../studio.svelte';
import type { DownloadServices } from './clip-download.svelte';
import { saveFile } from './save-file';

/** What every download of a clip needs of this page. */
export function downloadServices(studio: Studio): DownloadServices {
  return {
    files: sharedClips().files,
    kinora: studio.kinora,
    canDecode: (model) => studio.device.model(model)?.complete === true && !studio.run.isBusy,
    save: saveFile,
    share: navigator,
  };
}
