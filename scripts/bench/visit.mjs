/** A visitor's first and second visit to the built page: bytes asked for, first paint, and seconds from click to a clip that plays. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright';
import { DIST } from '../build.mjs';
import { PLAIN_BROWSER_ARGS } from '../find-browser.mjs';
import { ensureBrowser } from '../get-browser.mjs';
import { serve } from '../serve.mjs';
import { isCompressed } from './sizes.mjs';

const PROMPT = 'a fox runs through snow';
const CLIP_TIMEOUT_MS = 300_000;

/**
 * Opens the page in a new profile, makes a clip, then opens it again `repeats` times with everything stored and makes one each time.
 * Times are the page's own: from the click on Generate to the video's `canplay`.
 */
export async function measureVisits({ repeats }) {
  const server = await serve(DIST);
  const browser = await chromium.launch({ executablePath: await ensureBrowser(), args: PLAIN_BROWSER_ARGS });
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const asked = new Set();
    server.server.on('request', (request) => asked.add(new URL(request.url, server.url).pathname));
    const first = await visit(context, server.url);
    const bytes = bytesOf([...asked]);
    const later = [];
    for (let run = 0; run < repeats; run++) later.push(await visit(context, server.url));
    return { first, later, bytes };
  } finally {
    await browser.close();
    await server.close();
  }
}

async function visit(context, url) {
  const page = await context.newPage();
  await page.goto(url);
  const generate = page.getByRole('button', { name: 'Generate', exact: true });
  await generate.waitFor();
  const firstPaintMs = await page.evaluate(
    () =>
      new Promise((done) => {
        const entry = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
        const wait = () => (entry() === undefined ? requestAnimationFrame(wait) : done(entry()));
        wait();
      }),
  );
  // Typed as people do: whatever the page makes ready meanwhile counts as done before the click.
  await page.getByLabel('Prompt', { exact: true }).pressSequentially(PROMPT, { delay: 40 });
  const made = await page.evaluate(clickAndWait, CLIP_TIMEOUT_MS);
  await page.close();
  return { firstPaintMs, ...made };
}

/** Runs in the page: seconds to a clip that plays, and the longest task of the page's own thread meanwhile. */
function clickAndWait(timeoutMs) {
  let longestTaskMs = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestTaskMs = Math.max(longestTaskMs, duration);
  }).observe({ type: 'longtask' });
  const button = [...document.querySelectorAll('button')].find(({ textContent }) => textContent.trim() === 'Generate');
  return new Promise((done, fail) => {
    setTimeout(fail, timeoutMs, new Error('No clip came.'));
    const start = performance.now();
    const known = new Set(document.querySelectorAll('video'));
    const look = () => {
      const video = [...document.querySelectorAll('video')].find((element) => !known.has(element));
      if (!video) return requestAnimationFrame(look);
      const finish = () => done({ seconds: (performance.now() - start) / 1000, longestTaskMs });
      if (video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) finish();
      else video.addEventListener('canplay', finish, { once: true });
    };
    button.click();
    look();
  });
}

/** Bytes of the files asked for, as a host would send them: gzipped where that helps. */
function bytesOf(paths) {
  const sums = { shellBytes: 0, runtimeBytes: 0, modelBytes: 0 };
  for (const path of paths) {
    const name = path === '/' ? 'index.html' : path.slice(1);
    const data = readFileSync(join(DIST, name), { flag: 'r' });
    const sent = isCompressed(name) && !name.endsWith('.wasm') ? data.length : gzipSync(data).length;
    if (name.startsWith('models/')) sums.modelBytes += sent;
    else if (name.endsWith('.wasm')) sums.runtimeBytes += sent;
    else sums.shellBytes += sent;
  }
  return sums;
}
