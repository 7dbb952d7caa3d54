import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KinoraError } from '../../src/errors';
import { memorySource, type ByteSource } from '../../src/weights/files/byte-source';
import { parseWeightFile } from '../../src/weights/files/parse';
import { parseShardedSafetensors } from '../../src/weights/files/sharded';
import { weightsOf } from '../../src/weights/open-weights';
import { seededRandom } from './random';

const FIXTURES = new URL('../fixtures/', import.meta.url).pathname;
const MUTATIONS = 10_000;

/** Lengths, counts and offsets that parsers have fallen over. */
const NASTY = [
  0n,
  1n,
  2n ** 16n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 40n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const NASTY_TEXT = ['-1', '1e999', '1e15', '"', '[', '{', '}', 'null', '\\ud800', '__proto__', '99999999999999999999', '0.5'];

type Random = () => number;
const below = (random: Random, limit: number) => Math.floor(random() * limit);

/** One change to the bytes of a header; the data behind it stays. */
const CHANGES: ((header: Uint8Array, random: Random) => Uint8Array)[] = [
  (header, random) => edit(header, (bytes) => (bytes[below(random, bytes.length)]! ^= 1 << below(random, 8))),
  (header, random) => edit(header, (bytes) => (bytes[below(random, bytes.length)] = below(random, 256))),
  (header, random) => edit(header, (bytes) => new DataView(bytes.buffer).setBigUint64(below(random, bytes.length - 8), NASTY[below(random, NASTY.length)]!, true)),
  (header, random) => edit(header, (bytes) => new DataView(bytes.buffer).setUint32(below(random, bytes.length - 4), Number(NASTY[below(random, NASTY.length)]! & 0xffffffffn), true)),
  (header, random) => header.slice(0, below(random, header.length)), // the data follows at once
  (header, random) => cut(header, below(random, header.length), 1 + below(random, 64)),
  (header, random) => insert(header, below(random, header.length), header.subarray(below(random, header.length)).subarray(0, 1 + below(random, 200))),
  (header, random) => insert(header, below(random, header.length), new TextEncoder().encode(NASTY_TEXT[below(random, NASTY_TEXT.length)])),
  (header, random) => edit(header, (bytes) => bytes.copyWithin(below(random, bytes.length), below(random, bytes.length), below(random, bytes.length))),
]; // prettier-ignore

function edit(header: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = new Uint8Array(header);
  change(bytes);
  return bytes;
}

function cut(header: Uint8Array, at: number, length: number): Uint8Array {
  return insert(header.subarray(0, at), at, header.subarray(at + length));
}

function insert(header: Uint8Array, at: number, part: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(header.length + part.length);
  bytes.set(header.subarray(0, at));
  bytes.set(part, at);
  bytes.set(header.subarray(at), at + part.length);
  return bytes;
}

/** A header and the rest of its file, as one source that counts what is read from it. */
class Joined implements ByteSource {
  readonly #header: Uint8Array;
  readonly #data: Uint8Array;
  readonly sizeBytes: number;
  bytesRead = 0;

  constructor(header: Uint8Array, data: Uint8Array) {
    this.#header = header;
    this.#data = data;
    this.sizeBytes = header.length + data.length;
  }

  read = async (offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> => {
    // Anything but a sound range is the parser's mistake, not the file's.
    if (!(Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && offset + length <= this.sizeBytes))
      throw new RangeError(`read(${offset}, ${length}) of ${this.sizeBytes}`);
    this.bytesRead += length;
    const out = new Uint8Array(length);
    const head = this.#header.subarray(offset, offset + length);
    out.set(head);
    const from = Math.max(0, offset - this.#header.length);
    out.set(this.#data.subarray(from, from + length - head.length), head.length);
    return out;
  };
}

interface Seed {
  readonly name: string;
  readonly header: Uint8Array;
  readonly data: Uint8Array;
}

async function seedOf(name: string): Promise<Seed> {
  const bytes = new Uint8Array(readFileSync(join(FIXTURES, name)));
  const { tensors } = await parseWeightFile(memorySource(bytes));
  const dataStart = Math.min(bytes.length, ...[...tensors.values()].map(({ offset }) => offset));
  return { name, header: bytes.subarray(0, dataStart), data: bytes.subarray(dataStart) };
}

async function seeds(): Promise<Seed[]> {
  const under = (folder: string, ending: string) =>
    readdirSync(join(FIXTURES, folder)).filter((name) => name.endsWith(ending)).map((name) => `${folder}/${name}`); // prettier-ignore
  const names = [
    ...under('gguf-file', '.gguf'),
    ...under('safetensors-file', '.safetensors'),
    ...under('safetensors-file/edge', '.safetensors'),
    'safetensors-file/malformed/good.gguf',
  ];
  return Promise.all(names.map(seedOf));
}

/** Takes every step that loading a model takes; resolves to what ended it. */
async function load(source: ByteSource): Promise<'success' | unknown> {
  try {
    const file = await parseWeightFile(source);
    let claimed = 0;
    for (const { offset, sizeBytes } of file.tensors.values()) {
      claimed += sizeBytes;
      if (offset + sizeBytes > source.sizeBytes) return new Error('a tensor lies outside the file');
    }
    if (claimed > source.sizeBytes) return new Error('the tensors are larger than the file');
    const weights = weightsOf(file);
    for (const name of weights.names.slice(0, 2)) await weights.readF32(name);
    return 'success';
  } catch (thrown) {
    return thrown;
  }
}

describe('damaged files', () => {
  test(`${MUTATIONS} mutated headers end in success or a typed error, quickly and in little memory`, async () => {
    const files = await seeds();
    expect(files.length).toBeGreaterThan(8);
    const random = seededRandom(20_261_122);
    const counts = { success: 0, refused: 0 };
    const memory = () => process.memoryUsage().rss;
    const before = memory();
    let slowest = 0;
    let largest = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      // The vocabulary in a text encoder's header makes it a hundred times larger than the others: it gets a hundredth of the turns.
      const candidates = i % 100 === 0 ? files : files.filter(({ header }) => header.length < 2 ** 16);
      const seed = candidates[below(random, candidates.length)]!;
      let header = seed.header;
      for (let changes = 1 + below(random, 3); changes > 0 && header.length > 16; changes--)
        header = CHANGES[below(random, CHANGES.length)]!(header, random);
      const source = new Joined(header, seed.data);
      const started = performance.now();
      const result = await load(source);
      slowest = Math.max(slowest, performance.now() - started);
      if (result === 'success') counts.success++;
      else {
        const description = `mutation ${i} of ${seed.name}: ${result instanceof Error ? result.stack : String(result)}`;
        expect(result instanceof KinoraError && result.code === 'invalid-file', description).toBe(true);
        counts.refused++;
      }
      expect(source.bytesRead, `mutation ${i} of ${seed.name}`).toBeLessThanOrEqual(4 * source.sizeBytes + 64);
      if (i % 200 === 0) largest = Math.max(largest, memory() - before);
    }
    expect(slowest, 'milliseconds').toBeLessThan(2000);
    expect(largest, 'bytes of memory').toBeLessThan(512 * 2 ** 20);
    // Both ends are reached, so neither the mutations nor the parser are trivial.
    expect(counts.success).toBeGreaterThan(MUTATIONS / 100);
    expect(counts.refused).toBeGreaterThan(MUTATIONS / 4);
    expect(counts.success + counts.refused).toBe(MUTATIONS);
  }, 300_000);

  test('every truncation of a small file ends in a typed error', async () => {
    for (const name of ['safetensors-file/malformed/good.gguf', 'safetensors-file/edge/metadata-padding-order.safetensors']) {
      const bytes = new Uint8Array(readFileSync(join(FIXTURES, name)));
      for (let length = 0; length < bytes.length; length++)
        expect(await load(memorySource(bytes.subarray(0, length))), `${name} cut to ${length}`).toMatchObject({ code: 'invalid-file' });
    }
  });

  test('mutated indexes of sharded files end in success or a typed error', async () => {
    const folder = join(FIXTURES, 'safetensors-file/sharded');
    const index = new Uint8Array(
      readFileSync(
        join(
          folder,
          readdirSync(folder).find((name) => name.endsWith('.index.json'))!,
        ),
      ),
    );
    const shards = new Map(readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]));
    const random = seededRandom(7);
    for (let i = 0; i < 500; i++) {
      const mutated = CHANGES[below(random, CHANGES.length)]!(index, random);
      const asked: string[] = [];
      const result = await parseShardedSafetensors(memorySource(mutated), async (name) => {
        asked.push(name);
        const bytes = shards.get(name);
        return bytes ? memorySource(bytes) : null;
      }).catch((thrown: unknown) => thrown);
      if (result instanceof Error) expect(result, `mutation ${i}`).toMatchObject({ code: 'invalid-file' });
      for (const name of asked) expect(name, `mutation ${i}`).not.toMatch(/[/\\]|^\.+$/);
    }
  });

  test('a header may not make the parser recurse or grow: deep JSON, a vast vocabulary', async () => {
    const deep = new TextEncoder().encode('{"a":' + '['.repeat(1_000_000));
    const file = new Uint8Array(8 + deep.length);
    new DataView(file.buffer).setBigUint64(0, BigInt(deep.length), true);
    file.set(deep, 8);
    expect(await load(memorySource(file))).toMatchObject({ code: 'invalid-file' });

    // A source of 80 GiB that consists of one key after another: the header limit ends it.
    const endless: ByteSource = {
      sizeBytes: 80 * 2 ** 30,
      read: async (offset, length) => {
        const bytes = new Uint8Array(length);
        if (offset === 0) {
          const view = new DataView(bytes.buffer);
          view.setUint32(0, 0x46554747, true);
          if (length >= 48) {
            view.setUint32(4, 3, true);
            view.setBigUint64(16, 1n, true); // one metadata value, with the key "": an array of 2^32 empty texts
            view.setUint32(32, 9, true);
            view.setUint32(36, 8, true);
            view.setBigUint64(40, 2n ** 32n, true);
          }
        }
        return bytes;
      },
    };
    const started = performance.now();
    const result = await load(endless);
    expect(result).toMatchObject({ code: 'invalid-file', message: expect.stringContaining('64 MiB') as string });
    expect(performance.now() - started).toBeLessThan(20_000);
  }, 60_000);
});
