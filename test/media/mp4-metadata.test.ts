import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny';
import { beforeAll, describe, expect, it } from 'vitest';
import { KinoraError } from '../../src/errors';
import type { EncodedFrame } from '../../src/media/encoder-session';
import { childBoxes, findBox, listBoxes, makeBox, type Box } from '../../src/media/mp4-boxes';
import { addMetadata } from '../../src/media/mp4-metadata';
import { muxClip } from '../../src/media/mux';
import { readSpecFromMp4 } from '../../src/media/read-spec';
import { composeComment, DIGITAL_SOURCE_TYPE, MAX_COMMENT_BYTES } from '../../src/media/spec-comment';

const FPS = 24;
const SPEC = { version: 1, prompt: 'a fox "runs" through snow ❄ 狐', seed: 2 ** 53 - 1, nested: { list: [1, null, 'x'] } };

/** Nine H.264 frames of 32 x 32, key frames at 0, 4 and 8, as Chromium's encoder made them. */
let frames: EncodedFrame[];
let config: VideoDecoderConfig;
let clip: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  const source = await demux(new Uint8Array(await readFile(new URL('clip.mp4', import.meta.url))));
  frames = source.packets.map(({ data, type, timestamp }) => ({
    data: Uint8Array.from(data),
    type,
    timestampUs: Math.round(timestamp * 1e6),
  }));
  config = source.config;
  clip = await mux(composeComment(SPEC, true));
});

function mux(comment: string): Promise<Uint8Array<ArrayBuffer>> {
  return muxClip(frames, config, { width: 32, height: 32, fps: FPS, codec: 'avc', container: 'mp4', comment });
}

async function demux(bytes: Uint8Array<ArrayBuffer>) {
  const input = new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS });
  const track = (await input.getPrimaryVideoTrack())!;
  const packets = [];
  for await (const packet of new EncodedPacketSink(track).packets()) packets.push(packet);
  return { packets, config: (await track.getDecoderConfig())!, tags: await input.getMetadataTags(), track };
}

describe('a finished MP4', () => {
  it('has its index in front, and every frame where the index says, at exactly i / fps', async () => {
    expect(listBoxes(clip, 0, clip.length).map(({ type }) => type)).toEqual(['ftyp', 'moov', 'mdat', 'uuid']);
    const { packets, config: read, track } = await demux(clip);
    expect(packets.map(({ data }) => Buffer.from(data).toString('hex'))).toEqual(
      frames.map(({ data }) => Buffer.from(data).toString('hex')),
    );
    expect(packets.map(({ timestamp }) => timestamp)).toEqual(frames.map((_, index) => index / FPS));
    expect(packets.map(({ type }) => type)).toEqual(frames.map(({ type }) => type));
    expect(packets.filter(({ type }) => type === 'key').map(({ timestamp }) => Math.round(timestamp * FPS))).toEqual([0, 4, 8]);
    expect([await track.getCodedWidth(), await track.getCodedHeight()]).toEqual([32, 32]);
    expect(read.colorSpace).toEqual({ primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false });
  });

  it('carries the spec as a comment that others read and that restores it', async () => {
    const { tags } = await demux(clip);
    expect(JSON.parse(tags.comment!)).toEqual({ ...SPEC, generator: 'Kinora', digitalSourceType: DIGITAL_SOURCE_TYPE });
    expect(await readSpecFromMp4(clip)).toEqual(SPEC);
    expect(await readSpecFromMp4(new Blob([clip]))).toEqual(SPEC);
  });

  it('says that a machine made it, with the spec or without', async () => {
    const bare = await mux(composeComment(SPEC, false));
    expect(await readSpecFromMp4(bare)).toBeNull();
    expect(new TextDecoder().decode(bare)).not.toContain('fox');
    for (const file of [clip, bare]) {
      const { tags } = await demux(file);
      expect(JSON.parse(tags.comment!).digitalSourceType).toMatch(/trainedAlgorithmicMedia$/);
      const uuid = listBoxes(file, 0, file.length).at(-1)!;
      const extendedType = Buffer.from(file.subarray(uuid.content, uuid.content + 16)).toString('hex');
      expect(extendedType.toUpperCase()).toBe('BE7ACFCB97A942E89C71999491E3AFAC');
      const xmp = new TextDecoder().decode(file.subarray(uuid.content + 16, uuid.end));
      expect(xmp).toContain(`<Iptc4xmpExt:DigitalSourceType>${DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>`);
    }
  });

  it('keeps 64-bit chunk offsets right', async () => {
    const wide = withCo64(clip);
    const again = addMetadata(wide, composeComment({ ...SPEC, note: 'x'.repeat(5000) }, true));
    const { packets, tags } = await demux(again);
    expect(packets.map(({ data }) => Buffer.from(data).toString('hex'))).toEqual(
      frames.map(({ data }) => Buffer.from(data).toString('hex')),
    );
    expect(JSON.parse(tags.comment!).note).toHaveLength(5000);
    expect(await readSpecFromMp4(again)).toEqual({ ...SPEC, note: 'x'.repeat(5000) });
  });

  it('leaves offsets alone where the pictures lie before the index', async () => {
    const boxes = listBoxes(clip, 0, clip.length);
    const bytesOf = (type: string) => boxes.filter((box) => box.type === type).map(({ start, end }) => clip.subarray(start, end))[0]!;
    const moovBytes = bytesOf('moov').length;
    const back = concat(bytesOf('ftyp'), bytesOf('mdat'), shiftStco(bytesOf('moov'), -moovBytes));
    const { packets } = await demux(addMetadata(back, composeComment({ ...SPEC, note: 'x'.repeat(5000) }, true)));
    expect(packets.map(({ data }) => Buffer.from(data).toString('hex'))).toEqual(
      frames.map(({ data }) => Buffer.from(data).toString('hex')),
    );
  });

  it('refuses files that it could only break', () => {
    const ftyp = makeBox('ftyp', new Uint8Array(8));
    for (const [file, problem] of [
      [ftyp, 'no moov'],
      [concat(ftyp, makeBox('moov'), makeBox('moof')), 'fragmented'],
      [concat(ftyp, makeBox('moov', makeBox('trak'))), 'sample table'],
      [clip.slice(0, -1), 'larger than what holds it'],
    ] as const)
      expect(() => addMetadata(file, '{}')).toThrow(
        expect.objectContaining({ code: 'invalid-file', message: expect.stringContaining(problem) }),
      );
  });
});

describe('a comment', () => {
  it.each([
    ['words', 'shot on my phone'],
    ['nothing', ''],
    ['JSON of another tool', '{"prompt":"a fox","seed":1}'],
    ['another generator', '{"generator":"Other","prompt":"a fox"}'],
    ['a list', '["Kinora"]'],
    ['null', 'null'],
    ['NaN, as some tools write', '{"generator":"Kinora","seed":NaN}'],
    ['JSON inside JSON', JSON.stringify(JSON.stringify({ generator: 'Kinora', prompt: 'a fox' }))],
    ['deep nesting', '['.repeat(100_000)],
    ['too much', JSON.stringify({ generator: 'Kinora', prompt: 'x'.repeat(MAX_COMMENT_BYTES) })],
  ])('of %s is not ours', async (_name, comment) => {
    expect(await readSpecFromMp4(await mux(comment))).toBeNull();
  });

  it('cannot smuggle in a prototype', async () => {
    const spec = (await readSpecFromMp4(await mux('{"generator":"Kinora","__proto__":{"polluted":1},"seed":1}'))) as Record<
      string,
      unknown
    >;
    expect(Object.getPrototypeOf(spec)).toBe(Object.prototype);
    expect(spec.polluted).toBeUndefined();
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ['a string', 'spec'],
    ['null', null],
    ['a list', [1]],
    ['a BigInt inside', { seed: 1n }],
    ['too much', { prompt: 'é'.repeat(MAX_COMMENT_BYTES / 2) }],
  ])('is not made of %s', (_name, spec) => {
    expect(() => composeComment(spec, true)).toThrow(expect.objectContaining({ code: 'invalid-spec' }));
  });

  it('is found in QuickTime user data too: a plain meta box, a zero at the end', async () => {
    const boxes = listBoxes(clip, 0, clip.length);
    const moov = boxes.find(({ type }) => type === 'moov')!;
    const meta = findBox(clip, moov, 'udta', 'meta')!;
    const plain = makeBox('meta', clip.subarray(meta.content + 4, meta.end));
    const file = concat(makeBox('ftyp', new Uint8Array(8)), makeBox('moov', makeBox('udta', plain, new Uint8Array(4))));
    expect(await readSpecFromMp4(file)).toEqual(SPEC);
  });
});

describe('an untrusted file', () => {
  it.each([
    ['nothing', new Uint8Array(0)],
    ['text', new TextEncoder().encode('just some text, quite long enough for a header')],
    ['a PNG', Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52])],
    ['an ftyp alone', makeBox('ftyp', new Uint8Array(8))],
    [
      'a moov that claims a terabyte',
      concat(Uint8Array.from([0, 0, 0, 1]), new TextEncoder().encode('moov'), Uint8Array.from([0, 0, 1, 0, 0, 0, 0, 0])),
    ],
  ])('of %s is refused', async (_name, bytes) => {
    await expect(readSpecFromMp4(bytes as Uint8Array<ArrayBuffer>)).rejects.toMatchObject({ code: 'invalid-file' });
  });

  it('never breaks the reader or the writer: 4000 mutations end in a spec, in null, or in invalid-file', async () => {
    let state = 12345;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const moovEnd = listBoxes(clip, 0, clip.length)[1]!.end;
    const outcomes = { spec: 0, none: 0, refused: 0 };
    for (let round = 0; round < 4000; round++) {
      const mutated = clip.slice(0, round % 3 === 0 ? random(clip.length) : clip.length);
      for (let edit = random(6); edit >= 0; edit--)
        mutated[random(Math.min(moovEnd, mutated.length))] = random(4) === 0 ? random(256) : random(2) * 255;
      try {
        if ((await readSpecFromMp4(mutated)) === null) outcomes.none++;
        else outcomes.spec++;
        addMetadata(mutated, '{}');
      } catch (error) {
        expect(error).toBeInstanceOf(KinoraError);
        expect((error as KinoraError).code).toBe('invalid-file');
        outcomes.refused++;
      }
    }
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(50);
  }, 60_000);
});

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0 && spawnSync('ffprobe', ['-version']).status === 0;
if (!hasFfmpeg) console.warn('SKIPPED: ffmpeg and ffprobe are not installed, so remuxing and probing of the MP4 are not tested here.');

describe.skipIf(!hasFfmpeg)('ffmpeg', () => {
  async function inFolder(work: (path: (name: string) => string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'kinora-mp4-'));
    try {
      await work((name) => join(folder, name));
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  function command(name: string, ...args: string[]): string {
    const { status, stdout, stderr } = spawnSync(name, ['-v', 'error', ...args], { encoding: 'utf8' });
    expect({ name, status, stderr }).toEqual({ name, status: 0, stderr: '' });
    return stdout;
  }

  it('sees size, rate, count, colours and comment, and decodes every frame without a complaint', () =>
    inFolder(async (path) => {
      await writeFile(path('clip.mp4'), clip);
      const { streams, format } = JSON.parse(
        command('ffprobe', '-of', 'json', '-count_frames', '-show_streams', '-show_format', path('clip.mp4')),
      );
      expect(streams).toHaveLength(1);
      expect(streams[0]).toMatchObject({
        codec_name: 'h264',
        width: 32,
        height: 32,
        avg_frame_rate: '24/1',
        r_frame_rate: '24/1',
        nb_frames: '9',
        nb_read_frames: '9',
        color_range: 'tv',
        color_space: 'bt709',
        color_transfer: 'bt709',
        color_primaries: 'bt709',
      });
      expect(JSON.parse(format.tags.comment)).toMatchObject(SPEC);
      expect(format.tags.encoder).toBe('Kinora');
    }));

  it.each(['mp4', 'mov', 'm4v'])('remuxes it to %s with the spec inside', (extension) =>
    inFolder(async (path) => {
      await writeFile(path('clip.mp4'), clip);
      command('ffmpeg', '-i', path('clip.mp4'), '-c', 'copy', '-f', extension === 'm4v' ? 'ipod' : extension, path(`copy.${extension}`));
      expect(await readSpecFromMp4(new Uint8Array(await readFile(path(`copy.${extension}`))))).toEqual(SPEC);
    }),
  );
});

function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts)).slice();
}

/** The same moov with its 32-bit chunk offsets moved. */
function shiftStco(moov: Uint8Array, by: number): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(moov);
  const view = new DataView(copy.buffer);
  const stco = findBox(copy, listBoxes(copy, 0, copy.length)[0]!, 'trak', 'mdia', 'minf', 'stbl', 'stco')!;
  for (let position = stco.content + 8; position < stco.end; position += 4) view.setUint32(position, view.getUint32(position) + by);
  return copy;
}

/** The same file with co64 in place of stco. */
function withCo64(file: Uint8Array): Uint8Array<ArrayBuffer> {
  const [ftyp, moov, ...rest] = listBoxes(file, 0, file.length) as [Box, Box, ...Box[]];
  const view = new DataView(file.buffer, file.byteOffset);
  const stco = findBox(file, moov, 'trak', 'mdia', 'minf', 'stbl', 'stco')!;
  const count = view.getUint32(stco.content + 4);
  const growth = 4 * count;
  const table = new Uint8Array(8 + 8 * count);
  const tableView = new DataView(table.buffer);
  tableView.setUint32(4, count);
  for (let index = 0; index < count; index++)
    tableView.setBigUint64(8 + 8 * index, BigInt(view.getUint32(stco.content + 8 + 4 * index) + growth));
  const rebuild = (box: Box): Uint8Array => {
    if (box.type === 'stco') return makeBox('co64', table);
    if (!['moov', 'trak', 'mdia', 'minf', 'stbl'].includes(box.type)) return file.subarray(box.start, box.end);
    return makeBox(box.type, ...childBoxes(file, box).map(rebuild));
  };
  return concat(file.subarray(ftyp.start, ftyp.end), rebuild(moov), ...rest.map(({ start, end }) => file.subarray(start, end)));
}
