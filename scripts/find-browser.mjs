/** Finds an installed Chromium-family browser; knows the flags that headless runs need. */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { homedir } from 'node:os';

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome-stable',
  'google-chrome',
  'chrome',
  'microsoft-edge-stable',
  'microsoft-edge',
  'msedge',
];

const WELL_KNOWN = {
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  ],
  win32: ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA']
    .map((name) => process.env[name])
    .filter((folder) => folder !== undefined)
    .flatMap((folder) => [
      join(folder, 'Google', 'Chrome', 'Application', 'chrome.exe'),
      join(folder, 'Chromium', 'Application', 'chrome.exe'),
      join(folder, 'Microsoft', 'Edge', 'Application', 'msedge.exe'),
    ]),
  linux: [],
};

/** WebGPU through SwiftShader, and no background traffic. `--no-sandbox` only where Chromium demands it (root). */
export const BROWSER_ARGS = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Flags for real use (the command line): whatever GPU the machine has, and no background traffic. */
export const PLAIN_BROWSER_ARGS = BROWSER_ARGS.filter((flag) => !flag.includes('webgpu'));

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function playwrightBrowser() {
  const cache =
    process.env.PLAYWRIGHT_BROWSERS_PATH ??
    {
      linux: join(homedir(), '.cache', 'ms-playwright'),
      darwin: join(homedir(), 'Library', 'Caches', 'ms-playwright'),
      win32: join(process.env.LOCALAPPDATA ?? '', 'ms-playwright'),
    }[process.platform];
  if (!cache || !existsSync(cache)) return null;
  for (const folder of readdirSync(cache)
    .filter((name) => /^chromium-\d+$/.test(name))
    .sort()
    .reverse()) {
    for (const path of [
      'chrome-linux/chrome',
      'chrome-linux64/chrome',
      'chrome-mac/Chromium.app/Contents/MacOS/Chromium',
      'chrome-mac-arm64/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing',
      'chrome-win/chrome.exe',
      'chrome-win64/chrome.exe',
    ])
      if (isExecutable(join(cache, folder, path))) return join(cache, folder, path);
  }
  return null;
}

/** Path of an installed Chrome, Chromium or Edge (or KINORA_BROWSER, or Playwright's own download), or null. */
export function findBrowser() {
  if (process.env.KINORA_BROWSER) return process.env.KINORA_BROWSER;
  for (const folder of (process.env.PATH ?? '').split(delimiter))
    for (const name of NAMES)
      for (const suffix of process.platform === 'win32' ? ['.exe'] : ['']) {
        const path = join(folder, name + suffix);
        if (isExecutable(path)) return path;
      }
  for (const path of WELL_KNOWN[process.platform] ?? []) if (isExecutable(path)) return path;
  return playwrightBrowser();
}
