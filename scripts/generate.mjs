/**
 * `npm run generate -- "PROMPT" --out clip.mp4 [flags]`: the engine of the built page, in a headless browser. Exits with 2 for a
 * mistake on the command line or in the spec, with 1 for any other failure, with 130 after Ctrl-C.
 */
import { accessSync, constants, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { describeFlags, readArguments, UsageError } from './arguments.mjs';
import { DIST, ensureBuilt } from './build.mjs';
import { EngineFailure } from './engine-failure.mjs';
import { ensureBrowser } from './get-browser.mjs';
import { encodePng } from './png.mjs';
import { ProgressBar } from './progress-bar.mjs';
import { encodeSafetensors } from './safetensors.mjs';
import { serve } from './serve.mjs';

const FLAGS = {
  out: { kind: 'text', value: 'FILE', help: 'the clip to write (default: clip.mp4)' },
  seed: { kind: 'whole', min: 0, max: Number.MAX_SAFE_INTEGER, help: 'seed of the noise (default: a random one; the report says which)' },
  steps: { kind: 'whole', help: 'denoising steps' },
  frames: { kind: 'whole', help: 'frames of the clip, 4n + 1' },
  width: { kind: 'whole', help: 'pixels across' },
  height: { kind: 'whole', help: 'pixels down' },
  fps: { kind: 'whole', help: 'frames a second' },
  guidance: { kind: 'number', value: 'X', help: 'classifier-free guidance scale; 1 is off' },
  negative: { kind: 'text', value: 'TEXT', mayBeEmpty: true, help: 'what should not be seen' },
  sampler: { kind: 'choice', choices: ['euler', 'unipc', 'dmd', 'rcm'], help: 'how a step is taken' },
  shift: { kind: 'number', value: 'X', help: 'flow-matching shift of the schedule' },
  model: { kind: 'text', value: 'ID', help: 'the model (default: storybook)' },
  backend: { kind: 'choice', choices: ['auto', 'wgsl', 'ort-webgpu', 'ort-wasm'], help: 'what computes (default: auto)' },
  precision: { kind: 'choice', choices: ['exact', 'fast'], help: 'f32 arithmetic, or faster within a published error budget' },
  threads: { kind: 'whole', min: 1, max: 64, help: 'threads of ort-wasm (default: one per core, at most 8)' },
  scale: { kind: 'choice', choices: ['1', '2', '4'], help: 'whole-number upscale of the clip (default: 1)' },
  spec: { kind: 'text', value: 'FILE', help: 'take the spec from a JSON file (or from a report); flags and PROMPT win over it' },
  plan: { kind: 'text', value: 'FILE', help: 'run the plan of an earlier report again; wins over --backend, --precision and --threads' },
  json: { kind: 'text', value: 'FILE', help: 'write the report here' },
  'save-latents': { kind: 'text', value: 'FILE', help: 'write the final latents here, as safetensors (key: latents)' },
  'frames-dir': { kind: 'text', value: 'DIR', help: 'write the decoded frames here, as 0000.png and on' },
  quiet: { kind: 'switch', help: 'show no progress' },
  help: { kind: 'switch', help: 'show this' },
};

const USAGE = `npm run generate -- "PROMPT" --out clip.mp4 [flags]

Makes a video from a sentence, with the same engine as the page. What is not given is the model's default.

${describeFlags(FLAGS)}

KINORA_BROWSER names the browser to use, KINORA_BROWSER_ARGS more flags for it.`;

/** Flags that are fields of the spec. */
const SPEC_FIELDS = {
  seed: 'seed',
  steps: 'steps',
  frames: 'frames',
  width: 'width',
  height: 'height',
  fps: 'fps',
  guidance: 'guidance',
  negative: 'negativePrompt',
  sampler: 'sampler',
  shift: 'shift',
  model: 'model',
};

async function main() {
  const { values, words } = readArguments(process.argv.slice(2), FLAGS);
  if (values.help) return void console.log(USAGE);
  const spec = readSpec(values, words);
  const options = readOptions(values);
  const outputs = { out: values.out ?? 'clip.mp4', json: values.json, latents: values['save-latents'], frames: values['frames-dir'] };
  checkOutputs(outputs);

  // Loaded now, so that a mistake on the command line is answered at once.
  const { HeadlessEngine } = await import('./headless-engine.mjs');
  const bar = new ProgressBar();
  const say = (line) => !values.quiet && bar.say(line);
  await ensureBuilt(say);
  const served = await serve(DIST);
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, onSignal);
  let engine = null;
  try {
    engine = await HeadlessEngine.open({
      url: `${served.url}headless.html`,
      executablePath: await ensureBrowser(),
      backend: backendOf(options),
      signal: stop.signal,
    });
    const clip = await engine.generate(spec, options, {
      onProgress: (progress) => !values.quiet && bar.show(progress),
      signal: stop.signal,
    });
    bar.clear();
    await writeOutputs(clip, outputs, say);
  } finally {
    bar.clear();
    await engine?.close();
    await served.close();
  }
}

function readSpec(values, words) {
  if (words.length > 1) throw new UsageError(`“${words[1]}” is one word too many: put the whole prompt in quotes.`);
  const spec = values.spec === undefined ? {} : specOf(readJson(values.spec, 'spec'), values.spec);
  for (const [flag, field] of Object.entries(SPEC_FIELDS)) if (values[flag] !== undefined) spec[field] = values[flag];
  if (words.length === 1) spec.prompt = words[0];
  if (spec.prompt === undefined)
    throw new UsageError('There is no prompt. Put what should be seen in quotes: npm run generate -- "a fox runs through snow"');
  if (typeof spec.prompt === 'string' && spec.prompt.trim() === '')
    throw new UsageError('The prompt is empty. Describe what should be seen, for example "a fox runs through snow".');
  return spec;
}

/** A spec file, or a report with one in it. */
function specOf(json, path) {
  const spec = json?.spec ?? json;
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) throw new UsageError(`${path} holds no spec.`);
  return { ...spec };
}

function readOptions(values) {
  const options = { keepLatents: values['save-latents'] !== undefined, keepFrames: values['frames-dir'] !== undefined };
  for (const name of ['backend', 'precision', 'threads']) if (values[name] !== undefined) options[name] = values[name];
  if (values.scale !== undefined) options.exportScale = Number(values.scale);
  if (values.plan !== undefined) {
    const json = readJson(values.plan, 'plan');
    options.plan = json?.plan ?? json;
  }
  return options;
}

function backendOf({ backend, plan }) {
  return plan?.transformer?.backend ?? backend ?? 'auto';
}

function readJson(path, what) {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new UsageError(`The ${what} ${path} can't be read.`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`The ${what} ${path} is not JSON.`);
  }
}

/** Said now rather than after minutes of work. */
function checkOutputs({ out, json, latents, frames }) {
  for (const path of [out, json, latents]) {
    if (path === undefined) continue;
    checkFolder(dirname(resolve(path)));
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`${path} is a folder, not a file.`);
  }
  if (frames !== undefined) checkFolder(resolve(frames));
}

function checkFolder(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch {
    throw new UsageError(`The folder ${folder} can't be written to.`);
  }
}

async function writeOutputs(clip, { out, json, latents, frames }, say) {
  const { report } = clip;
  for (const note of report.notes) say(`Note: ${note}`);
  const path = report.encoder.container === 'mp4' ? out : `${out.slice(0, out.length - extname(out).length)}.${report.encoder.container}`;
  if (path !== out) say(`The clip is a ${report.encoder.container} file, so it is written to ${path}.`);
  writeWhole(path, await clip.readVideo());
  if (latents !== undefined) writeWhole(latents, encodeSafetensors('latents', report.latentsShape, await clip.readLatents()));
  if (frames !== undefined) {
    const { width, height, frames: count } = report.spec;
    for (let index = 0; index < count; index++)
      writeWhole(resolve(frames, `${String(index).padStart(4, '0')}.png`), encodePng({ width, height, rgba: await clip.readFrame(index) }));
  }
  if (json !== undefined) writeWhole(json, `${JSON.stringify(report, null, 2)}\n`);
  const { width, height, frames: count, fps, sizeBytes } = report.clip;
  say(
    `${path}: ${width} x ${height}, ${count} ${count === 1 ? 'frame' : 'frames'} at ${fps} fps, ${(sizeBytes / 1e3).toFixed(0)} kB, seed ${report.spec.seed}, ${report.seconds.total.toFixed(1)} s (${report.plan.transformer.backend}, ${report.plan.transformer.precision})`,
  );
}

/** Never leaves half a file under the name that was asked for. */
function writeWhole(path, data) {
  const partial = `${path}.${process.pid}.part`;
  try {
    writeFileSync(partial, data);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

main().catch((error) => {
  const isUsage = error instanceof UsageError || (error instanceof EngineFailure && error.code === 'invalid-spec');
  const isStopped = error instanceof EngineFailure && error.code === 'aborted';
  console.error(isStopped ? 'Stopped.' : `${error.message}${error.hint ? ` ${error.hint}` : ''}`);
  if (process.env.KINORA_DEBUG && error.cause) console.error(error.cause);
  process.exitCode = isStopped ? 130 : isUsage ? 2 : 1;
});
