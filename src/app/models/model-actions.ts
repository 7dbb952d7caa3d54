import type { ModelStatus } from '../../engine/types';
import { formatBytes } from '../format';
import type { Action } from '../shell/actions.svelte';
import type { Models } from './models.svelte';

interface ModelParts {
  readonly models: Models;
  /** How the model stands now. */
  readonly status: () => ModelStatus;
  /** A clip is being made: what changes the model has to wait. */
  readonly isBusy: () => boolean;
  /** Asks whether it should really go. */
  readonly askToDelete: () => void;
}

/** What can be done with the stored model while its screen shows. */
export function modelActions({ models, status, isBusy, askToDelete }: ModelParts): Action[] {
  const isFree = () => models.task === null;
  return [
    {
      id: 'model-verify',
      get name() {
        return `Verify ${status().name}`;
      },
      label: 'Verify',
      keywords: 'model check hash bytes damaged',
      enabled: () => status().complete && isFree(),
      perform: () => void models.verify(status().id),
    },
    {
      id: 'model-download-again',
      get name() {
        return `Download again: ${status().name}`;
      },
      label: 'Download again',
      keywords: 'model fetch anew weights',
      enabled: () => status().complete && isFree() && !isBusy(),
      perform: () => void models.downloadAgain(status().id),
    },
    {
      id: 'model-download',
      get name() {
        return `${this.label} of ${status().name}`;
      },
      get label() {
        return `Download ${formatBytes(status().sizeBytes - status().storedBytes)}`;
      },
      keywords: 'model fetch weights',
      enabled: () => !status().complete && isFree() && !isBusy(),
      perform: () => void models.download(status().id),
    },
    {
      id: 'model-delete',
      get name() {
        return `Delete… ${status().name}`;
      },
      label: 'Delete…',
      keywords: 'model remove free storage weights',
      enabled: () => status().storedBytes > 0 && isFree() && !isBusy(),
      perform: askToDelete,
    },
    {
      id: 'model-stop',
      name: 'Stop what is done with the model',
      label: 'Stop',
      keywords: 'cancel abort download verify',
      enabled: () => !isFree(),
      perform: () => models.stop(),
    },
  ];
}
