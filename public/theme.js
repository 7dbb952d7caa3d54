// Runs before the first paint, so that a chosen theme never flashes in the other one. The rest is in src/app/theme.svelte.ts.
try {
  const theme = localStorage.getItem('kinora.theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // Storage refused: the system's theme it is.
}
