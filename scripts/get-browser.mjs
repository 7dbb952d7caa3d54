/** Makes sure that there is a Chromium-family browser: finds one, else installs one, saying so. */
import { findBrowser } from './find-browser.mjs';
import { run, runTool } from './run.mjs';

/**
 * Path of a Chrome, Chromium or Edge. Where none is installed: Debian's or Fedora's package as root, else Playwright's own
 * download into the user's cache. Throws with what to do when neither works.
 */
export async function ensureBrowser() {
  const found = findBrowser();
  if (found) return found;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && (await exists('apt-get'))) {
    console.error('No Chrome, Chromium or Edge found: installing Debian’s chromium with apt-get.');
    await run('apt-get', ['update', '-qq'], { stdio: ['ignore', 2, 2] });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  } else if (isRoot && (await exists('dnf'))) {
    console.error('No Chrome, Chromium or Edge found: installing chromium with dnf.');
    await run('dnf', ['install', '-y', '-q', 'chromium'], { stdio: ['ignore', 2, 2] });
  }
  if (!findBrowser()) {
    console.error('No Chrome, Chromium or Edge found: downloading Playwright’s Chromium.');
    await runTool('playwright', ['install', 'chromium'], { stdio: ['ignore', 2, 2] });
  }
  const path = findBrowser();
  if (!path)
    throw new Error('No Chromium-family browser could be installed. Install Chrome, Chromium or Edge, or set KINORA_BROWSER to its path.');
  return path;
}

function exists(command) {
  return run('sh', ['-c', `command -v ${command} >/dev/null`]).then((code) => code === 0);
}

if (import.meta.url === `file://${process.argv[1]}`) console.log(await ensureBrowser());
