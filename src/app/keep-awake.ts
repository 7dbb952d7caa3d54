/**
 * Keeps the screen on until the returned function is called. A convenience: where the browser has no wake lock or refuses
 * it (battery saver, hidden tab), the run goes on without.
 */
export async function keepAwake(): Promise<() => void> {
  try {
    const sentinel = await navigator.wakeLock?.request('screen');
    return () => void sentinel?.release();
  } catch {
    return () => undefined;
  }
}
