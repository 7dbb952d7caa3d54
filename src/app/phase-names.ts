import type { Phase } from '../engine/types';

/** Names of the phases for people, short enough for a row of them and for a tab's title. */
export const PHASE_NAMES: Readonly<Record<Phase, string>> = {
  download: 'Fetch model',
  load: 'Load',
  'encode-prompt': 'Read prompt',
  denoise: 'Denoise',
  decode: 'Decode',
  'encode-video': 'Encode',
};
