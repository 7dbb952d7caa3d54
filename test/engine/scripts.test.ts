import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readArguments, UsageError } from '../../scripts/arguments.mjs';
import { SECURITY_HEADERS } from '../../scripts/headers.mjs';
import { encodePng } from '../../scripts/png.mjs';
import { ProgressBar } from '../../scripts/progress-bar.mjs';
import { run } from '../../scripts/run.mjs';
import { encodeSafetensors } from '../../scripts/safetensors.mjs';
import { serve } from '../../scripts/serve.mjs';
import { memorySource } from '../../src/weights/files/byte-source';
import { openWeights } from '../../src/weights/open-weights';

const folder = mkdtempSync(join(tmpdir(), 'kinora-scripts-'));
const root = join(folder, 'dist');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** node:http, because fetch would tidy the paths up before they are sent. */
function get(
  url: string,
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('the server', () => {
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
  let served: Awaited<ReturnType<typeof serve>>;
  const ask = (path: string, options?: Parameters<typeof get>[2]) => get(served.url, path, options);

  beforeAll(async () => {
    mkdirSync(join(root, 'assets'), { recursive: true });
    mkdirSync(join(root, 'models', 'storybook'), { recursive: true });
    mkdirSync(join(root, '.secret'));
    writeFileSync(join(folder, 'outside.txt'), 'private');
    symlinkSync(join(folder, 'outside.txt'), join(root, 'link.txt'));
    writeFileSync(join(root, 'index.html'), '<!doctype html>');
    writeFileSync(join(root, '.secret', 'key'), 'private');
    writeFileSync(join(root, 'models', 'index.html'), 'models');
    writeFileSync(join(root, 'models', 'storybook', 'w.gguf'), bytes);
    writeFileSync(join(root, 'assets', 'app-BvRMNN1b.js'), 'app');
    writeFileSync(join(root, 'assets', 'ort-wasm-DcHrbrbl.wasm'), 'wasm');
    writeFileSync(join(root, 'empty'), '');
    served = await serve(root);
  });
  afterAll(() => served.close());

  it('sends the page with every security header', async () => {
    const { status, headers, body } = await ask('/');
    expect([status, body.toString()]).toEqual([200, '<!doctype html>']);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) expect(headers[name.toLowerCase()]).toBe(value);
  });

  it.each([
    ['/assets/app-BvRMNN1b.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['/assets/ort-wasm-DcHrbrbl.wasm', 'application/wasm', 'public, max-age=31536000, immutable'],
    ['/models/storybook/w.gguf', 'application/octet-stream', 'no-cache'],
    ['/index.html?v=2', 'text/html; charset=utf-8', 'no-cache'],
  ])('%s is %s, %s', async (path, type, cache) => {
    const { status, headers } = await ask(path);
    expect([status, headers['content-type'], headers['cache-control'], headers['accept-ranges']]).toEqual([200, type, cache, 'bytes']);
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=990-', 990, 999],
    ['bytes=990-2000', 990, 999],
    ['bytes=-5', 995, 999],
    ['bytes=-5000', 0, 999],
  ])('answers the range %s', async (range, start, end) => {
    const { status, headers, body } = await ask('/models/storybook/w.gguf', { headers: { Range: range } });
    expect([status, headers['content-range']]).toEqual([206, `bytes ${start}-${end}/1000`]);
    expect(headers['content-length']).toBe(String(end - start + 1));
    expect(body.equals(bytes.subarray(start, end + 1))).toBe(true);
  });

  it.each(['bytes=1000-', 'bytes=5000-6000', 'bytes=-0'])('refuses the range %s', async (range) => {
    const { status, headers } = await ask('/models/storybook/w.gguf', { headers: { Range: range } });
    expect([status, headers['content-range']]).toEqual([416, 'bytes */1000']);
  });

  it.each(['bytes=5-2', 'bytes=0-1,5-6', 'bytes=a-b', 'lines=1-2', 'bytes=-'])(
    'answers the odd range %s with the whole file',
    async (range) => {
      const { status, body } = await ask('/models/storybook/w.gguf', { headers: { Range: range } });
      expect([status, body.length]).toEqual([200, 1000]);
    },
  );

  it('knows when a copy is still good', async () => {
    const { headers } = await ask('/models/storybook/w.gguf');
    const etag = headers.etag!;
    expect((await ask('/models/storybook/w.gguf', { headers: { 'If-None-Match': etag } })).status).toBe(304);
    expect((await ask('/models/storybook/w.gguf', { headers: { 'If-None-Match': `"other", W/${etag}` } })).status).toBe(304);
    expect((await ask('/models/storybook/w.gguf', { headers: { 'If-None-Match': '"other"' } })).status).toBe(200);
    expect((await ask('/models/storybook/w.gguf', { headers: { Range: 'bytes=0-1', 'If-Range': etag } })).status).toBe(206);
    expect((await ask('/models/storybook/w.gguf', { headers: { Range: 'bytes=0-1', 'If-Range': '"other"' } })).status).toBe(200);
  });

  it('answers HEAD without a body, other methods not at all', async () => {
    const head = await ask('/models/storybook/w.gguf', { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '1000', 0]);
    expect((await ask('/missing', { method: 'HEAD' })).body.length).toBe(0);
    expect((await ask('/empty')).body.length).toBe(0);
    const post = await ask('/', { method: 'POST' });
    expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it.each([
    '/../outside.txt',
    '/%2e%2e/outside.txt',
    '/assets/../../outside.txt',
    '/assets/..%2f..%2foutside.txt',
    '/..%5coutside.txt',
    '/.secret/key',
    '/link.txt',
    '//outside.txt',
    '/assets',
    '/assets/',
    '/missing',
    '/index.html/',
    '/%00',
    '/%zz',
    'http://other/outside.txt',
  ])('does not give out %s', async (path) => {
    const { status, body } = await ask(path);
    expect([400, 404]).toContain(status);
    expect(body.toString()).not.toContain('private');
  });

  it('adds a folder’s slash', async () => {
    const { status, headers } = await ask('/models?x=1');
    expect([status, headers.location]).toEqual([308, '/models/?x=1']);
    expect((await ask('/models/')).body.toString()).toBe('models');
  });

  it('serves under a path, and as a plain host', async () => {
    const plain = await serve(root, { base: '/app/kinora', headers: null });
    try {
      expect(plain.url).toMatch(/\/app\/kinora\/$/);
      expect((await get(plain.url, '/app/kinora')).headers.location).toBe('/app/kinora/');
      const page = await get(plain.url, '/app/kinora/');
      expect([page.status, page.headers['cross-origin-opener-policy']]).toEqual([200, undefined]);
      for (const path of ['/', '/index.html', '/app/kinora2/', '/app/kinorax']) expect((await get(plain.url, path)).status).toBe(404);
    } finally {
      await plain.close();
    }
  });

  it('takes the next port where one is in use', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const { port } = taken.address() as { port: number };
    try {
      await expect(serve(root, { port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
      const other = await serve(root, { port: [port, 0] });
      expect(other.port).not.toBe(port);
      await other.close();
    } finally {
      taken.close();
    }
  });
});

describe('arguments', () => {
  const FLAGS = {
    out: { kind: 'text', help: '' },
    steps: { kind: 'whole', min: 1, max: 9, help: '' },
    guidance: { kind: 'number', help: '' },
    mode: { kind: 'choice', choices: ['a', 'b'], help: '' },
    quiet: { kind: 'switch', help: '' },
  };

  it('are read in both forms', () => {
    expect(readArguments(['a fox', '--out', 'x.mp4', '--steps=5', '--guidance', '-1.5', '--quiet', '--', '--odd'], FLAGS)).toEqual({
      values: { out: 'x.mp4', steps: 5, guidance: -1.5, quiet: true },
      words: ['a fox', '--odd'],
    });
    expect(readArguments(['--out=a=b'], FLAGS).values).toEqual({ out: 'a=b' });
  });

  it.each([
    [['--step', '5'], 'There is no flag --step. Did you mean --steps?'],
    [['--constructor', '5'], 'There is no flag --constructor. --help lists them.'],
    [['-o', 'x'], 'There is no flag -o; flags begin with two dashes.'],
    [['--steps', '0'], '--steps must be a whole number from 1 to 9, not “0”.'],
    [['--steps', '2.5'], '--steps must be a whole number from 1 to 9, not “2.5”.'],
    [['--steps', 'many'], '--steps must be a whole number from 1 to 9, not “many”.'],
    [['--steps', ''], '--steps must be a whole number from 1 to 9, not “”.'],
    [['--steps'], '--steps needs a value.'],
    [['--out', '--quiet'], '--out needs a value.'],
    [['--quiet=yes'], '--quiet takes no value.'],
    [['--out', 'a', '--out', 'b'], '--out is given twice.'],
    [['--mode', 'c'], '--mode must be one of a, b, not “c”.'],
    [['--guidance', 'Infinity'], '--guidance must be a number, not “Infinity”.'],
  ])('%j: %s', (args, message) => {
    expect(() => readArguments(args, FLAGS)).toThrow(new UsageError(message));
  });
});

describe('the command line', () => {
  async function run(args: string[]): Promise<{ code: number | null; stderr: string; stdout: string }> {
    const child = spawn(process.execPath, ['scripts/generate.mjs', ...args], { cwd: join(import.meta.dirname, '../..') });
    let [stderr, stdout] = ['', ''];
    child.stderr.on('data', (data) => (stderr += data));
    child.stdout.on('data', (data) => (stdout += data));
    const code = await new Promise<number | null>((done) => child.on('close', done));
    return { code, stderr, stdout };
  }

  it.each([
    [['a fox', '--sed', '1'], 'There is no flag --sed. Did you mean --seed?'],
    [['a fox', '--width', 'wide'], '--width must be a whole number, not “wide”.'],
    [['a', 'fox'], '“fox” is one word too many'],
    [[], 'There is no prompt.'],
    [['  '], 'The prompt is empty.'],
    [['a fox', '--backend', 'cuda'], '--backend must be one of auto, wgsl, ort-webgpu, ort-wasm'],
    [['a fox', '--spec', '/nowhere.json'], 'The spec /nowhere.json can’t be read'.replace('’', "'")],
    [['a fox', '--out', 'package.json/clip.mp4'], "can't be written to"],
  ])('%j: exit 2, “%s”', async (args, sentence) => {
    const { code, stderr } = await run(args);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  });

  it('explains itself', async () => {
    const { code, stdout } = await run(['--help']);
    expect(code).toBe(0);
    for (const flag of [
      'out',
      'seed',
      'steps',
      'frames',
      'width',
      'height',
      'fps',
      'guidance',
      'negative',
      'model',
      'backend',
      'precision',
      'spec',
      'plan',
      'json',
      'save-latents',
      'frames-dir',
    ])
      expect(stdout).toContain(`--${flag} `);
  });
});

describe('what the command line writes', () => {
  it('pictures without loss', () => {
    const [width, height] = [3, 2];
    const rgba = Uint8ClampedArray.from({ length: width * height * 4 }, (_, index) => (index * 37) % 256);
    const png = encodePng({ width, height, rgba });
    expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
    const start = png.indexOf('IDAT');
    const rows = inflateSync(png.subarray(start + 4, start + 4 + png.readUInt32BE(start - 4)));
    expect(rows.length).toBe(height * (1 + width * 3));
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let channel = 0; channel < 3; channel++)
          expect(rows[y * (1 + width * 3) + 1 + x * 3 + channel]).toBe(rgba[(y * width + x) * 4 + channel]);
    expect(() => encodePng({ width: 2, height: 2, rgba })).toThrow();
  });

  it('latents that the safetensors parser reads', async () => {
    const values = Float32Array.from({ length: 24 }, (_, index) => index / 7 - 1);
    const file = encodeSafetensors('latents', [2, 3, 2, 2], Buffer.from(values.buffer));
    const weights = await openWeights(memorySource(file));
    expect(weights.info('latents')).toMatchObject({ shape: [2, 3, 2, 2], type: 'F32' });
    expect(await weights.readF32('latents')).toEqual(values);
    expect(() => encodeSafetensors('latents', [2, 3], Buffer.from(values.buffer))).toThrow();
  });

  it('a progress bar on terminals, lines elsewhere', () => {
    const written: string[] = [];
    const stream = (isTTY: boolean) => ({ isTTY, columns: 60, write: (text: string) => written.push(text) });
    const progress = { phase: 'denoise', done: 3, total: 8, fraction: 0.5, etaSeconds: 12.4 };
    const bar = new ProgressBar(stream(true));
    bar.show(progress);
    expect(written.join('')).toContain('50 %  Denoising 3 of 8, about 12 s left'.slice(0, 25));
    bar.clear();
    written.length = 0;
    const lines = new ProgressBar(stream(false));
    lines.show({ ...progress, note: 'Another tab is making a clip.' });
    lines.show({ ...progress, done: 4, note: 'Another tab is making a clip.' });
    expect(written).toEqual(['Another tab is making a clip.\n', ' 50 %  Denoising 3 of 8, about 12 s left\n']);
    written.length = 0;
    lines.show({ ...progress, phase: 'load', done: 0, total: 40e6, plannedMemoryBytes: 45.8e6 });
    expect(written[0]).toBe('The whole job will take 45.8 MB of graphics memory.\n');
  });
});

describe('a command that is run', () => {
  const ran = async (code: string, options = {}) => {
    let output = '';
    const exit = await run(process.execPath, ['-e', code], { ...options, write: (text: string) => (output += text) });
    return { exit, output };
  };

  it('hands on what it prints to either stream, and its exit code', async () => {
    const { exit, output } = await ran(`console.log('seen'); console.error('and heard'); process.exitCode = 3;`);
    expect(exit).toBe(3);
    expect(output.split('\n').sort()).toEqual(['', 'and heard', 'seen']);
    expect((await ran('process.kill(process.pid)')).exit).toBe(1);
    await expect(run('kinora-imagined', [])).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('leaves the processor to others where it is told to, with all that it starts', async () => {
    const own = getPriority();
    const child = `setTimeout(() => require('node:child_process').spawn(process.execPath, ['-p', 'os.getPriority()'], { stdio: 'inherit' }), 200)`;
    expect(Number((await ran(child)).output)).toBe(own);
    expect(Number((await ran(child, { yields: true })).output)).toBeGreaterThanOrEqual(Math.min(19, own + 5));
  });
});
