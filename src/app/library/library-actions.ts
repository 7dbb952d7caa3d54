import type { Action } from '../shell/actions.svelte';
import type { Library } from './library.svelte';
import type { Transfer } from './transfer.svelte';

interface LibraryParts {
  readonly library: Library;
  readonly transfer: Transfer;
  readonly importFile: () => Promise<void>;
  readonly focusSearch: () => void;
}

/** What can be done while the library shows. */
export function libraryActions({ library, transfer, importFile, focusSearch }: LibraryParts): Action[] {
  const ids = () => library.selected.map(({ id }) => id);
  const some = () => library.selected.length > 0;
  const isIdle = () => transfer.doing === null;
  return [
    {
      id: 'library-search',
      name: 'Search the library',
      keywords: 'find clips words meaning',
      shortcut: 'Mod+Shift+F',
      perform: focusSearch,
    },
    {
      id: 'library-favourites',
      name: 'Show favourites alone, or all',
      label: 'Favourites',
      keywords: 'filter star heart',
      perform: () => (library.favouritesOnly = !library.favouritesOnly),
    },
    {
      id: 'library-select-all',
      name: 'Select all clips shown',
      label: 'Select all',
      keywords: 'mark every',
      enabled: () => library.found.length > library.selected.length,
      perform: () => library.selectAll(),
    },
    {
      id: 'library-clear',
      name: 'Select none',
      label: 'Clear',
      keywords: 'deselect',
      enabled: some,
      perform: () => library.selection.clear(),
    },
    {
      id: 'library-favour',
      name: 'Make the selected clips favourites',
      label: 'Favourite',
      keywords: 'star heart',
      enabled: some,
      perform: () => void library.setFavourite(ids(), true),
    },
    {
      id: 'library-delete',
      name: 'Delete the selected clips',
      label: 'Delete',
      keywords: 'remove trash',
      enabled: some,
      perform: () => void library.remove(ids()),
    },
    {
      id: 'library-undo',
      name: 'Bring back what was deleted',
      label: 'Undo',
      keywords: 'restore undo delete',
      enabled: () => library.removed.length > 0,
      perform: () => void library.undo(),
    },
    {
      id: 'library-export-selected',
      name: 'Export the selected clips (zip)',
      label: 'Export',
      keywords: 'save backup download archive',
      enabled: () => some() && isIdle(),
      perform: () => void transfer.exportZip(library.selected),
    },
    {
      id: 'library-export',
      name: 'Export the whole library (zip)',
      label: 'Export all',
      keywords: 'save backup download archive',
      enabled: () => library.all.length > 0 && isIdle(),
      perform: () => void transfer.exportZip(library.all),
    },
    {
      id: 'library-stop',
      get name() {
        return transfer.doing === 'import' ? 'Stop importing' : 'Stop exporting';
      },
      label: 'Stop',
      keywords: 'cancel abort zip',
      enabled: () => transfer.doing !== null,
      perform: () => transfer.stop(),
    },
    {
      id: 'library-import',
      name: 'Import a library (zip)',
      label: 'Import',
      keywords: 'restore backup upload archive',
      enabled: isIdle,
      perform: () => void importFile(),
    },
  ];
}
