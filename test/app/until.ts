import { flushSync } from 'svelte';

/** Waits until a state of the page is there; throws after about two seconds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000; i += 1) {
    flushSync();
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error('it never came true');
}
