/** The engine in a headless browser: opens headless.html of a served build and drives `createKinora` there. */
import { chromium } from 'playwright';
import { EngineFailure } from './engine-failure.mjs';
import { PLAIN_BROWSER_ARGS } from './find-browser.mjs';

/** What browsers ask for before they let WebGPU at the hardware of a machine without a screen. */
const WEBGPU_ARGS = ['--enable-unsafe-webgpu', '--enable-features=Vulkan'];
/** The software adapter is only offered when WebGPU was asked for by name. */
const SOFTWARE_WEBGPU_ARGS = ['--use-webgpu-adapter=swiftshader'];

const crashed = (message) => new EngineFailure({ code: 'internal', message, hint: 'Try again with fewer frames or a smaller size.' });

export class HeadlessEngine {
  #browser;
  #page;
  /** Rejects when the page dies: its calls would wait for ever. */
  #death;
  #onProgress = () => undefined;

  /** Throws an `EngineFailure` when the browser or the page can't be opened. */
  static async open({ url, executablePath, backend = 'auto', args = extraArgs(), signal }) {
    const engine = new HeadlessEngine();
    try {
      engine.#browser = await launch(executablePath, [...PLAIN_BROWSER_ARGS, ...WEBGPU_ARGS, ...args]);
      await engine.#openPage(url);
      if ((backend === 'wgsl' || backend === 'ort-webgpu') && !(await engine.#hasAdapter())) {
        await engine.#browser.close();
        engine.#browser = await launch(executablePath, [...PLAIN_BROWSER_ARGS, ...WEBGPU_ARGS, ...SOFTWARE_WEBGPU_ARGS, ...args]);
        await engine.#openPage(url);
      }
      if (signal?.aborted) throw new EngineFailure({ code: 'aborted', message: 'Stopped.' });
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  /**
   * Makes a clip. Resolves to { report, readVideo(), readLatents(), readFrame(index) }; the reads resolve to Buffers and work until
   * the next call.
   */
  async generate(spec, options, { onProgress = () => undefined, signal } = {}) {
    this.#onProgress = onProgress;
    const stop = () => void this.#page.evaluate(() => window.stopKinora?.abort()).catch(() => undefined); // The page may be gone; the call says so.
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const result = await this.#alive(this.#page.evaluate(generateInPage, { spec, options }));
      if (result.error) throw new EngineFailure(result.error);
      return {
        report: result.report,
        readVideo: () => this.#read('video'),
        readLatents: () => this.#read('latents'),
        readFrame: (index) => this.#read('frame', index),
      };
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  async close() {
    await this.#browser?.close().catch(() => undefined); // It is going away in any case.
  }

  async #openPage(url) {
    const browser = this.#browser;
    const page = await browser.newPage();
    this.#page = page;
    this.#death = new Promise((_, reject) => {
      page.once('crash', () => reject(crashed('The browser’s page crashed; it may have run out of memory.')));
      browser.once('disconnected', () => reject(crashed('The browser went away.')));
    });
    this.#death.catch(() => undefined); // Whoever waits for a call hears of it.
    await page.exposeFunction('reportKinoraProgress', (progress) => this.#onProgress(progress));
    await page.goto(url);
    await page.waitForFunction(() => window.createKinora !== undefined, undefined, { timeout: 30_000 });
  }

  #hasAdapter() {
    return this.#page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter().catch(() => null)));
  }

  #alive(call) {
    return Promise.race([call, this.#death]);
  }

  async #read(what, index = 0) {
    return Buffer.from(await this.#alive(this.#page.evaluate(readInPage, { what, index })), 'base64');
  }
}

function extraArgs() {
  return (process.env.KINORA_BROWSER_ARGS ?? '').split(/\s+/).filter(Boolean);
}

async function launch(executablePath, args) {
  try {
    // Signals are handled by whoever opened the engine: it closes the browser after the worker has kept what is done.
    return await chromium.launch({ executablePath, args, handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false });
  } catch (cause) {
    throw new EngineFailure({
      code: 'internal',
      message: `The browser ${executablePath} could not be started.`,
      hint: 'Set KINORA_BROWSER to another Chrome, Chromium or Edge.',
      cause,
    });
  }
}

/** Runs in the page. */
async function generateInPage({ spec, options }) {
  window.kinora ??= window.createKinora();
  window.stopKinora = new AbortController();
  try {
    const onProgress = ({ preview: _preview, ...progress }) => void window.reportKinoraProgress(progress);
    window.lastClip = await window.kinora.generate(spec, { ...options, signal: window.stopKinora.signal, onProgress });
    return { report: window.lastClip.report };
  } catch (error) {
    const { code = 'internal', message, hint = '', cause } = error;
    return { error: { code, message, hint, ...(cause === undefined ? {} : { cause: String(cause) }) } };
  }
}

/** Runs in the page: bytes travel as base64, the one form that every browser protocol carries. */
async function readInPage({ what, index }) {
  const { blob, latents, frames } = window.lastClip;
  const data = { video: blob, latents: latents && new Blob([latents]), frame: frames && new Blob([frames[index]]) }[what];
  if (!data) throw new Error(`The clip has no ${what}.`);
  const url = await new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(data);
  });
  return url.slice(url.indexOf(',') + 1);
}
