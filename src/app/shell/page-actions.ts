import type { Studio } from '../studio.svelte';
import type { Theme } from '../theme.svelte';
import type { Action, Actions } from './actions.svelte';
import type { Screen, Screens } from './screens.svelte';

interface PageParts {
  readonly studio: Studio;
  readonly theme: Theme;
  readonly screens: Screens;
  readonly actions: Actions;
  readonly openPalette: () => void;
  readonly hasLibrary: boolean;
}

/** What can be done from everywhere on the page. */
export function pageActions({ studio, theme, screens, openPalette, hasLibrary }: PageParts): Action[] {
  const { run, queue, composer } = studio;
  const goTo = (screen: Screen, name: string, keywords: string): Action => ({
    id: `go-${screen}`,
    name: `Go to ${name}`,
    label: name,
    keywords: `open show screen ${keywords}`,
    perform: () => screens.go(screen),
  });
  return [
    {
      id: 'generate',
      name: 'Generate',
      keywords: 'make clip video run start create queue',
      shortcut: 'Mod+Enter',
      enabled: () => composer.description !== null,
      perform: () => {
        screens.go('create');
        void studio.generate();
      },
    },
    {
      id: 'stop',
      name: 'Stop',
      keywords: 'cancel abort end clip keep what is done',
      shortcut: 'Mod+.',
      enabled: () => run.state === 'running',
      perform: () => run.stop(),
    },
    {
      id: 'go-on',
      get name() {
        return run.state === 'failed' ? 'Try again' : 'Go on';
      },
      keywords: 'resume continue stopped failed retry',
      enabled: () => !run.isBusy && (run.state === 'stopped' || run.state === 'failed'),
      perform: () => void studio.goOn(),
    },
    {
      id: 'run-queue',
      name: 'Make what waits in the queue',
      label: 'Make these',
      keywords: 'start run waiting batch',
      enabled: () => !run.isBusy && queue.items.length > 0,
      perform: () => void studio.work(),
    },
    {
      id: 'clear-queue',
      name: 'Empty the queue',
      label: 'Empty',
      keywords: 'clear remove waiting',
      enabled: () => queue.items.length > 0,
      perform: () => queue.clear(),
    },
    {
      id: 'new-seed',
      name: 'Roll another seed and keep it',
      keywords: 'random dice number',
      enabled: () => composer.description !== null,
      perform: () => {
        composer.rollSeed();
        composer.seedMode = 'fixed';
      },
    },
    {
      id: 'reset',
      name: 'Back to the defaults',
      keywords: 'reset settings model',
      enabled: () => composer.description !== null,
      perform: () => composer.resetSettings(),
    },
    {
      id: 'clear-history',
      name: 'Clear the history',
      keywords: 'delete forget prompts',
      enabled: () => studio.history.prompts.length > 0,
      perform: () => studio.history.clear(),
    },
    goTo('create', 'Create', 'compose prompt'),
    ...(hasLibrary ? [goTo('library', 'Library', 'clips history gallery')] : []),
    goTo('models', 'Models', 'storage licence download verify delete weights'),
    goTo('settings', 'Settings', 'preferences options backend precision threads notifications'),
    ...(['system', 'dark', 'light'] as const).map((choice) => ({
      id: `theme-${choice}`,
      name: `Theme: ${choice === 'system' ? 'as the system' : choice}`,
      keywords: 'colours appearance mode night day',
      enabled: () => theme.choice !== choice,
      perform: () => theme.choose(choice),
    })),
    { id: 'palette', name: 'Commands', keywords: 'search palette', shortcut: 'Mod+K', perform: openPalette },
  ];
}
