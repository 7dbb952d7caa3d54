/** Asks for permission; false where the user or the browser says no. Call it on a click. */
export async function allowNotifications(): Promise<boolean> {
  try {
    return (await Notification.requestPermission()) === 'granted';
  } catch {
    return false; // no notifications in this browser
  }
}

/** Says that a clip is done, where the page is not in sight. A convenience: refused, it says nothing. */
export function notifyDone(prompt: string): void {
  if (!document.hidden || !('Notification' in globalThis) || Notification.permission !== 'granted') return;
  const note = new Notification('Your clip is ready', { body: prompt.slice(0, 200), icon: './icon-192.png', tag: 'kinora-clip' });
  note.onclick = () => {
    globalThis.focus();
    note.close();
  };
}
