import { ALL_FORMATS, BlobSource, EncodedPacketSink, Input } from 'mediabunny';
import { describe, expect, it } from 'vitest';
import { encoderLadder } from '../../src/media/encoder-ladder';
import { findEncoder } from '../../src/media/probe';
import { createVideoWriter, type VideoWriter, type VideoWriterOptions } from '../../src/media/video-writer';
import { noise } from './clips';
import { FakeCodecs, type Script } from './fake-codecs';

const SIZE = { width: 16, height: 16, fps: 4 }; // VP9 has a key frame every 8 frames, H.264 makes all of them key frames
const FRAME = noise(SIZE.width, SIZE.height, 1);
const PROBES = 1; // sessions that the probe opens when the first choice works

function open(codecs: FakeCodecs, options: Partial<VideoWriterOptions> = {}): VideoWriter {
  return createVideoWriter({ ...SIZE, spec: { prompt: 'x' }, includeSpec: true, codecs, watchdogMs: 300, ...options });
}

async function write(writer: VideoWriter, count: number) {
  for (let index = 0; index < count; index++) await writer.add(FRAME);
  return writer.finish();
}

/** The session that each frame of the file came from, and which of them are key frames. */
async function origins(blob: Blob): Promise<{ sessions: number[]; keys: number[]; times: number[] }> {
  const track = (await new Input({ source: new BlobSource(blob), formats: ALL_FORMATS }).getPrimaryVideoTrack())!;
  const packets = [];
  for await (const packet of new EncodedPacketSink(track).packets()) packets.push(packet);
  return {
    sessions: packets.map(({ data }) => data[0]!),
    keys: packets.flatMap(({ type }, index) => (type === 'key' ? [index] : [])),
    times: packets.map(({ timestamp }) => timestamp),
  };
}

const refuse = new DOMException('no', 'NotSupportedError');

/** VP9 alone, with scripts for the sessions after the probe; those not named behave. */
function afterProbe(...scripts: Script[]): FakeCodecs {
  return new FakeCodecs(({ codec }, index) => (codec.startsWith('avc1') ? { refuse } : (scripts[index - PROBES] ?? {})));
}

const broken = new DOMException('broken', 'EncodingError');
const reclaimed = new DOMException('Codec reclaimed due to inactivity.', 'QuotaExceededError');

describe('a clip', () => {
  it('opens its encoder with the first frame, waits for room in it, and leaves nothing open', async () => {
    const codecs = new FakeCodecs(() => ({}), 2);
    const writer = open(codecs);
    expect(codecs.sessions).toHaveLength(0);
    expect(writer.encoder).toBeNull();
    const { blob, ...written } = await write(writer, 19);
    expect(written).toEqual({
      codec: 'avc1.42E00A',
      container: 'mp4',
      hardwareAcceleration: 'no-preference',
      mimeType: 'video/mp4',
      frames: 19,
      sizeBytes: blob.size,
      ...SIZE,
    });
    expect(await origins(blob)).toEqual({
      sessions: Array(19).fill(PROBES),
      keys: Array.from({ length: 19 }, (_, i) => i),
      times: Array.from({ length: 19 }, (_, i) => i / SIZE.fps),
    });
    expect(codecs.sessions[PROBES]!.deepestQueue).toBe(4);
    expect(codecs.open).toBe(0);
    expect(codecs.framesMade).toBe(19 + 2);
    expect(codecs.framesClosed).toBe(codecs.framesMade);
  });

  it('is probed once per size', async () => {
    const codecs = new FakeCodecs();
    await write(open(codecs), 1);
    await write(open(codecs), 1);
    expect(codecs.sessions).toHaveLength(PROBES + 2);
    await write(open(codecs, { fps: 5 }), 1);
    expect(codecs.sessions).toHaveLength(PROBES + 2 + 2);
  });

  it.each([
    [{ width: 15 }, 'invalid-spec', 'even'],
    [{ height: 0 }, 'invalid-spec', 'even'],
    [{ fps: 23.976 }, 'invalid-spec', '23.976'],
    [{ fps: 0 }, 'invalid-spec', '0 frames a second'],
    [{ spec: 'text' }, 'invalid-spec', 'not an object'],
  ])('refuses %j before it begins', (options, code, problem) => {
    expect(() => open(new FakeCodecs(), options)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(problem) }));
  });

  it('refuses frames of another size, two calls at once, and calls after the end', async () => {
    const refused = { code: 'internal' };
    await expect(open(new FakeCodecs()).add(noise(8, 16, 1))).rejects.toMatchObject(refused);
    await expect(open(new FakeCodecs()).add({ ...FRAME, rgba: FRAME.rgba.slice(4) })).rejects.toMatchObject(refused);
    await expect(open(new FakeCodecs()).finish()).rejects.toMatchObject(refused);
    const writer = open(new FakeCodecs());
    const first = writer.add(FRAME);
    await expect(writer.add(FRAME)).rejects.toMatchObject(refused);
    await first;
    await writer.finish();
    await expect(writer.add(FRAME)).rejects.toMatchObject(refused);
    await expect(writer.finish()).rejects.toMatchObject(refused);
  });
});

describe('the ladder', () => {
  const only = (works: (config: VideoEncoderConfig) => boolean) => new FakeCodecs((config) => (works(config) ? {} : { refuse }));

  it('prefers software H.264 to another codec', async () => {
    const codecs = only(({ hardwareAcceleration }) => hardwareAcceleration === 'prefer-software');
    expect((await findEncoder(SIZE, { codecs })).config).toMatchObject({ codec: 'avc1.42E00A', hardwareAcceleration: 'prefer-software' });
  });

  it.each([
    ['avc1.4D', 'avc1.4D000A', 'mp4'],
    ['avc1.64', 'avc1.64000A', 'mp4'],
    ['vp09', 'vp09.00.10.08', 'mp4'],
    ['av01', 'av01.0.00M.08', 'mp4'],
  ])('where only %s works: %s in %s', async (prefix, codec, container) => {
    const choice = await findEncoder(SIZE, { codecs: only((config) => config.codec.startsWith(prefix)) });
    expect(choice).toMatchObject({ container, config: { codec } });
  });

  it('asks for a quantizer where VP9 takes one, else for a bitrate', async () => {
    const exact = await findEncoder(SIZE, { codecs: only(({ codec }) => codec.startsWith('vp09')) });
    expect(exact.config).toMatchObject({ bitrateMode: 'quantizer' });
    const variable = await findEncoder(SIZE, {
      codecs: only(({ codec, bitrateMode }) => codec.startsWith('vp09') && bitrateMode === 'variable'),
    });
    expect(variable.quantizer).toBeUndefined();
    expect(variable.config.bitrate).toBeGreaterThan(0);
  });

  it.each<[string, Script]>([
    ['fails while encoding', { fail: { at: 1, error: broken } }],
    ['gives one frame of two', { lose: 1 }],
    ['labels no key frame', { noKeyFrames: true }],
  ])('passes over an encoder that %s', async (_name, script) => {
    const codecs = new FakeCodecs(({ codec }) => (codec.startsWith('avc1') ? script : {}));
    expect((await findEncoder(SIZE, { codecs })).codec).toBe('vp9');
    expect(codecs.open).toBe(0);
  });

  it('says that there is no encoder, and what was tried; and tries again when asked again', async () => {
    const none = only(() => false);
    const error = await findEncoder(SIZE, { codecs: none }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'no-encoder', hint: expect.stringContaining('Chrome') });
    const tried = String((error as Error).cause);
    for (const codec of ['avc1.42E00A', 'avc1.640028', 'vp09', 'av01', 'webm']) expect(tried).toContain(codec);
    await expect(open(none).add(FRAME)).rejects.toMatchObject({ code: 'no-encoder' });
    expect(none.encoders.length).toBe(2 * encoderLadder(SIZE).length);
    expect(none.open).toBe(0);
  });

  it('says so where the browser has no WebCodecs at all', async () => {
    await expect(findEncoder(SIZE)).rejects.toMatchObject({ code: 'no-encoder', message: "This browser can't encode video." });
    expect(() => createVideoWriter({ ...SIZE, spec: {}, includeSpec: false })).toThrow(expect.objectContaining({ code: 'no-encoder' }));
  });
});

describe('an encoder that breaks', () => {
  it('by being taken away: the group is encoded again, what came before is kept', async () => {
    const codecs = afterProbe({ fail: { at: 11, error: reclaimed } });
    const { blob, frames } = await write(open(codecs), 19);
    expect(frames).toBe(19);
    expect(await origins(blob)).toMatchObject({ sessions: [...Array(8).fill(1), ...Array(11).fill(2)], keys: [0, 8, 16] });
    // The second encoder had the very same configuration, and began with a key frame at the group's start.
    expect(codecs.sessions[2]!.config).toEqual(codecs.sessions[1]!.config);
    expect(codecs.sessions[2]!.keyFrames[0]).toBe(2e6);
    expect(codecs.open).toBe(0);
    expect(codecs.framesClosed).toBe(codecs.framesMade);
  });

  it('by being taken away again and again: gives up in the end', async () => {
    const codecs = new FakeCodecs((_config, index) => (index < PROBES ? {} : { fail: { at: 0, error: reclaimed } }));
    const writer = open(codecs);
    await expect(write(writer, 3)).rejects.toMatchObject({ code: 'no-encoder' });
    expect(codecs.open).toBe(0);
  });

  it('on what it is given: goes to software, then to less rate', async () => {
    const scripts = [2, 0, 0].map((at) => ({ fail: { at, error: broken } }));
    const codecs = new FakeCodecs((_config, index) => scripts[index - PROBES] ?? {});
    const { blob, frames, hardwareAcceleration } = await write(open(codecs), 6);
    expect({ frames, hardwareAcceleration }).toEqual({ frames: 6, hardwareAcceleration: 'prefer-software' });
    const [first, software, half, quarter] = codecs.sessions.slice(PROBES).map(({ config }) => config);
    expect(software).toEqual({ ...first, hardwareAcceleration: 'prefer-software' });
    expect(half!.bitrate).toBe(Math.round(first!.bitrate! / 2));
    expect(quarter!.bitrate).toBe(Math.round(first!.bitrate! / 4));
    expect((await origins(blob)).sessions).toEqual([1, 4, 4, 4, 4, 4]);
  });

  it('whatever it is given: goes to another codec while no group is settled', async () => {
    const codecs = new FakeCodecs(({ codec }, index) =>
      index >= PROBES && codec.startsWith('avc1') ? { fail: { at: 0, error: broken } } : {},
    );
    const written = await write(open(codecs), 6);
    expect(written).toMatchObject({ frames: 6, codec: 'vp09.00.10.08', container: 'mp4' });
    expect((await origins(written.blob)).keys).toEqual([0]);
  });

  it('for good, in a later group: says so in one sentence, and keeps saying so', async () => {
    const codecs = new FakeCodecs((_config, index) => (index < PROBES ? {} : { fail: { at: index === PROBES ? 9 : 1, error: broken } }));
    const writer = open(codecs);
    const failure = await write(writer, 19).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'no-encoder', cause: broken });
    await expect(writer.add(FRAME)).rejects.toBe(failure);
    await expect(writer.finish()).rejects.toBe(failure);
    expect(writer.triedCodecs).toEqual(['avc']);
    const next = createVideoWriter({ ...SIZE, spec: {}, includeSpec: false, codecs: new FakeCodecs(), without: writer.triedCodecs });
    expect(await write(next, 3)).toMatchObject({ codec: 'vp09.00.10.08', frames: 3 });
    expect(codecs.open).toBe(0);
    expect(codecs.framesClosed).toBe(codecs.framesMade);
  });

  it('by losing a frame: the group is encoded again', async () => {
    const codecs = afterProbe({ lose: 4 });
    const { blob } = await write(open(codecs), 6);
    expect((await origins(blob)).sessions).toEqual(Array(6).fill(2));
  });

  it('by losing the last frame, seen only at the end', async () => {
    const codecs = afterProbe({ lose: 5 });
    const { blob } = await write(open(codecs), 6);
    expect((await origins(blob)).sessions).toEqual(Array(6).fill(2));
  });

  it('by never answering flush: the watchdog sees to it', async () => {
    const codecs = afterProbe({ hang: true });
    const { blob } = await write(open(codecs), 6);
    expect((await origins(blob)).sessions).toEqual(Array(6).fill(2));
  });

  it('by reordering frames, which MP4 would need more than this for: another one is used', async () => {
    const codecs = afterProbe({ reorder: true });
    const { blob } = await write(open(codecs), 6);
    expect((await origins(blob)).times).toEqual([0, 0.25, 0.5, 0.75, 1, 1.25]);
  });

  it('and is followed by one of another level: the higher level is declared', async () => {
    const codecs = new FakeCodecs((_config, index) =>
      index === PROBES ? { fail: { at: 9, error: broken } } : { level: index > PROBES ? 31 : 12 },
    );
    const { blob } = await write(open(codecs), 12);
    const bytes = Buffer.from(await blob.arrayBuffer());
    const avcC = bytes.indexOf('avcC');
    expect(bytes[avcC + 4 + 3]).toBe(31);
  });

  it('and is followed by one with other parameters: refuses to write a file that would not decode', async () => {
    const codecs = new FakeCodecs((_config, index) =>
      index < PROBES ? {} : index === PROBES ? { fail: { at: 9, error: broken } } : { parameters: 7 },
    );
    await expect(write(open(codecs), 12)).rejects.toMatchObject({ code: 'no-encoder' });
    expect(codecs.open).toBe(0);
  });
});

describe('stopping', () => {
  it('ends a wait for the encoder at once, frees it, and says that it was asked for', async () => {
    const controller = new AbortController();
    const codecs = new FakeCodecs(() => ({}), 0);
    const writer = open(codecs, { signal: controller.signal, watchdogMs: 60_000 });
    await writer.add(FRAME);
    codecs.sessions[PROBES]!.script = { hang: true };
    const finished = writer.finish();
    setTimeout(() => controller.abort(), 20);
    await expect(finished).rejects.toMatchObject({ code: 'aborted' });
    await expect(writer.add(FRAME)).rejects.toMatchObject({ code: 'aborted' });
    expect(codecs.open).toBe(0);
  });

  it('before the first frame costs nothing', async () => {
    const codecs = new FakeCodecs();
    await expect(open(codecs, { signal: AbortSignal.abort() }).add(FRAME)).rejects.toMatchObject({ code: 'aborted' });
    expect(codecs.sessions).toHaveLength(0);
  });

  it('by closing is idempotent', async () => {
    const codecs = new FakeCodecs();
    const writer = open(codecs);
    await writer.add(FRAME);
    writer.close();
    writer.close();
    expect(codecs.open).toBe(0);
    await expect(writer.add(FRAME)).rejects.toMatchObject({ code: 'internal', message: 'The video is closed.' });
  });
});
