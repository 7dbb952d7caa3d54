/**
 * `node scripts/clips-of-prompts.mjs PROMPTS.json OUT.safetensors [--model FOLDER]`: the frames of a clip of every row's `prompt`, made by the engine of
 * the built page in a headless browser, each with its own seed (the row's number), for the judge of training/ (`storybook.match --clips`).
 * `--model` takes another folder of weights in place of the bundled one.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArguments } from './arguments.mjs';
import { DIST, ensureBuilt } from './build.mjs';
import { ensureBrowser } from './get-browser.mjs';
import { HeadlessEngine } from './headless-engine.mjs';
import { encodeSafetensors } from './safetensors.mjs';
import { serve } from './serve.mjs';

const FLAGS = { model: { kind: 'text', value: 'FOLDER', help: 'weights in place of the bundled ones' } };
const { values, words } = readArguments(process.argv.slice(2), FLAGS);
const [from, to] = words;
if (!to) {
  console.error('Two files are needed: a list of rows with a `prompt`, and where to write the clips.');
  process.exit(2);
}

await ensureBuilt(console.log);
const root = mkdtempSync(join(tmpdir(), 'kinora-clips-'));
cpSync(DIST, root, { recursive: true });
if (values.model) cpSync(values.model, join(root, 'models/storybook'), { recursive: true });
const served = await serve(root);
let engine = null;
try {
  engine = await HeadlessEngine.open({ url: `${served.url}headless.html`, executablePath: await ensureBrowser() });
  const prompts = JSON.parse(readFileSync(from, 'utf8')).map(({ prompt }) => prompt);
  const clips = [];
  let spec;
  for (const [seed, prompt] of prompts.entries()) {
    const clip = await engine.generate({ prompt, seed }, { keepFrames: true });
    ({ spec } = clip.report);
    for (let index = 0; index < spec.frames; index++) clips.push(toPlanes(await clip.readFrame(index)));
    if (seed % 10 === 9) console.log(`${seed + 1} of ${prompts.length}`);
  }
  writeFileSync(to, encodeSafetensors('frames', [prompts.length, spec.frames, 3, spec.height, spec.width], Buffer.concat(clips), 'U8'));
} finally {
  await engine?.close();
  await served.close();
  rmSync(root, { recursive: true });
}

/** RGBA bytes of a picture → its three planes. */
function toPlanes(rgba) {
  const pixels = rgba.length / 4;
  const planes = Buffer.alloc(3 * pixels);
  for (let i = 0; i < pixels; i++) for (let channel = 0; channel < 3; channel++) planes[channel * pixels + i] = rgba[4 * i + channel];
  return planes;
}
