/**
 * The page on a fake engine, for working on it: `npx vite`, then /test/app/harness/. `?stored`, `?fail=network`, `?slow=400`
 * and `?theme=light` choose what it shows.
 */
import { BufferTarget, CanvasSource, Mp4OutputFormat, Output } from 'mediabunny';
import { mount } from 'svelte';
import App from '../../../src/app/App.svelte';
import { keepAwake } from '../../../src/app/keep-awake';
import { Studio } from '../../../src/app/studio.svelte';
import { Theme } from '../../../src/app/theme.svelte';
import '../../../src/app/styles/fonts.css';
import '../../../src/app/styles/tokens.css';
import '../../../src/app/styles/base.css';
import { KinoraError, type ErrorCode } from '../../../src/errors';
import type { ModelDescription } from '../../../src/engine/types';
import { capabilities, FakeKinora, description } from '../fake-kinora';

const query = new URLSearchParams(location.search);

function paint(context: OffscreenCanvasRenderingContext2D, size: number, time: number): void {
  const sky = context.createLinearGradient(0, 0, 0, size);
  sky.addColorStop(0, '#2b2350');
  sky.addColorStop(0.55, '#f08a5d');
  sky.addColorStop(0.56, '#2f6f8f');
  sky.addColorStop(0.7, '#f2d08a');
  context.fillStyle = sky;
  context.fillRect(0, 0, size, size);
  context.fillStyle = '#ffe08a';
  context.beginPath();
  context.arc(size * 0.7, size * 0.42, size * 0.1, 0, 7);
  context.fill();
  context.fillStyle = '#8a4b2a';
  const jump = Math.abs(Math.sin(time * Math.PI * 2)) * 0.22;
  context.fillRect(size * (0.25 + time * 0.15), size * (0.66 - jump), size * 0.26, size * 0.14);
  context.fillRect(size * (0.45 + time * 0.15), size * (0.58 - jump), size * 0.12, size * 0.12);
}

const vocabulary = (await (await fetch('/models/storybook/vocabulary.json')).json()) as ModelDescription['vocabulary'];
const failing = query.get('fail') as ErrorCode | null;
const fake = new FakeKinora({
  unitMs: Number(query.get('slow') ?? 120),
  stored: query.has('stored'),
  ...(query.has('bare') ? { capabilities: { ...capabilities, crossOriginIsolated: false, threads: 1, video: null } } : {}),
  ...(failing
    ? {
        failAt: {
          phase: 'denoise',
          error: new KinoraError(
            failing,
            'The connection went away.',
            'What has arrived is kept: press Try again and it goes on from there.',
            { cause: 'TypeError: Failed to fetch' },
          ),
        },
      }
    : {}),
  drawPreview: (frame, step, steps) => {
    const canvas = new OffscreenCanvas(8, 8);
    const context = canvas.getContext('2d')!;
    paint(context, 8, frame / 5);
    context.globalAlpha = 1 - step / steps;
    context.fillStyle = '#8d8479';
    context.fillRect(0, 0, 8, 8);
    return context.getImageData(0, 0, 8, 8).data;
  },
  makeBlob: async (spec, scale) => {
    const canvas = new OffscreenCanvas(spec.width * scale, spec.height * scale);
    const output = new Output({ format: new Mp4OutputFormat(), target: new BufferTarget() });
    const source = new CanvasSource(canvas, { codec: 'avc', bitrate: 800_000 });
    output.addVideoTrack(source, { frameRate: spec.fps });
    await output.start();
    for (let i = 0; i < spec.frames; i += 1) {
      paint(canvas.getContext('2d')!, canvas.width, i / spec.frames);
      await source.add(i / spec.fps, 1 / spec.fps);
    }
    await output.finalize();
    return new Blob([output.target.buffer!], { type: 'video/mp4' });
  },
});
Object.assign(fake, { describe: async () => ({ ...description, vocabulary }) });

const studio = new Studio({ kinora: fake, store: localStorage, keepAwake });
const theme = new Theme(localStorage, document.documentElement);
const wanted = query.get('theme');
if (wanted === 'dark' || wanted === 'light') theme.choose(wanted);
mount(App, { target: document.getElementById('app')!, props: { studio, theme } });
