import { unzipSync, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { KinoraError } from '../../src/errors';
import { readArchive } from '../../src/library/archive-reader';
import { writeArchive } from '../../src/library/archive-writer';
import { ClipStore } from '../../src/library/clip-store';
import type { ClipReport, ClipSpec } from '../../src/library/clip-record';
import { madeUpClip, memoryStorage, type MemoryStorage } from './made-up-clips';

const trusting = { parseSpec: (json: unknown) => json as ClipSpec, parseReport: (json: unknown) => json as ClipReport };

function open(storage: MemoryStorage = memoryStorage()) {
  return new ClipStore({ storage, channel: null });
}

async function filled(count: number): Promise<ClipStore> {
  const store = open();
  for (let seed = 1; seed <= count; seed++)
    await store.add(madeUpClip(seed, {}, { favourite: seed === 2, name: `clip ${seed} ❄`, embedding: new Float32Array([0.5, -0.25]) }));
  return store;
}

async function archive(store: ClipStore): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of writeArchive(store, await store.list())) pieces.push(piece);
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

/** The archive with its files changed, packed again by another tool: deflated. */
function repacked(zip: Uint8Array, change: (files: Record<string, Uint8Array>) => void): Blob {
  const files = unzipSync(zip);
  change(files);
  return new Blob([zipSync(files, { level: 6 }) as Uint8Array<ArrayBuffer>]);
}

const nameOf = (files: Record<string, Uint8Array>, ending: string) => Object.keys(files).find((name) => name.endsWith(ending))!;

describe('a library as a zip', () => {
  it('is read by other tools, and comes back as it was', async () => {
    const before = await filled(3);
    const zip = await archive(before);
    expect(Object.keys(unzipSync(zip))).toHaveLength(1 + 3 * 4);
    const after = open();
    const result = await readArchive(after, new Blob([zip]), trusting);
    expect(result).toMatchObject({ duplicates: 0, refused: [], failure: null });
    const [was, is] = [await before.list(), await after.list()];
    expect(is.map(({ id: _, ...record }) => record)).toEqual(was.map(({ id: _, ...record }) => record));
    for (const [index, { id }] of is.entries()) {
      expect(await after.latents(id)).toEqual(await before.latents(was[index]!.id));
      expect(await (await after.poster(id))!.arrayBuffer()).toEqual(await (await before.poster(was[index]!.id))!.arrayBuffer());
      expect(await (await after.file(id)).arrayBuffer()).toEqual(await (await before.file(was[index]!.id)).arrayBuffer());
    }
  });

  it('knows what is there already', async () => {
    const store = await filled(3);
    const zip = new Blob([await archive(store)]);
    const [newest] = await store.list();
    await store.remove([newest!.id]);
    expect(await readArchive(store, zip, trusting)).toMatchObject({ duplicates: 2, refused: [] });
    expect(await store.list()).toHaveLength(3);
  });

  it('is read when it was unpacked and packed again, in a folder, with other things beside it', async () => {
    const files = unzipSync(await archive(await filled(2)));
    const moved = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`My library/${name}`, bytes]));
    const zip = zipSync({ ...moved, '__MACOSX/._x': new Uint8Array(3), '../../etc/passwd': new Uint8Array(3) }, { level: 9 });
    expect((await readArchive(open(), new Blob([zip as Uint8Array<ArrayBuffer>]), trusting)).added).toHaveLength(2);
  });

  it.each<[string, (files: Record<string, Uint8Array>) => void, RegExp]>([
    ['no description', (files) => delete files[nameOf(files, 'clip.json')], /no clip\.json/],
    ['no video', (files) => delete files[nameOf(files, 'clip.mp4')], /no video/],
    ['a page for a video', (files) => (files[nameOf(files, 'clip.mp4')] = new TextEncoder().encode('<html><script>')), /something else/],
    ['broken JSON', (files) => (files[nameOf(files, 'clip.json')] = new TextEncoder().encode('{"version":1')), /damaged/],
    [
      'a description of the wrong kind',
      (files) => (files[nameOf(files, 'clip.json')] = new TextEncoder().encode('{"version":1,"name":4}')),
      /name/,
    ],
    ['latents of another shape', (files) => (files[nameOf(files, 'latents.f32')] = new Uint8Array(12)), /latents/],
    ['a huge description', (files) => (files[nameOf(files, 'clip.json')] = new Uint8Array(2 << 20)), /larger/],
  ])('leaves out a clip with %s, and adds the others', async (_name, change, reason) => {
    const store = open();
    const result = await readArchive(store, repacked(await archive(await filled(3)), change), trusting);
    expect(result.added).toHaveLength(2);
    expect(result.refused).toEqual([{ folder: expect.any(String), reason: expect.stringMatching(reason) }]);
    expect(await store.list()).toHaveLength(2);
  });

  it('leaves out a clip whose spec is refused', async () => {
    const parseSpec = (json: unknown) => {
      if ((json as ClipSpec).seed === 2) throw new KinoraError('invalid-spec', 'The seed is odd.', '');
      return json as ClipSpec;
    };
    const result = await readArchive(open(), new Blob([await archive(await filled(3))]), { ...trusting, parseSpec });
    expect(result.refused).toMatchObject([{ reason: 'The seed is odd.' }]);
  });

  it('stops at a full disk and keeps what was added', async () => {
    const storage = memoryStorage();
    const store = open(storage);
    let writes = 0;
    storage.files.fail = () => {
      if (++writes > 1) throw new DOMException('full', 'QuotaExceededError');
    };
    const result = await readArchive(store, new Blob([await archive(await filled(3))]), trusting);
    expect(result).toMatchObject({ added: [expect.any(String)], failure: { code: 'storage-full' } });
    expect(await store.list()).toHaveLength(1);
  });

  it('refuses what is no library, at once', async () => {
    const zip = await archive(await filled(2));
    const other = zipSync({ 'a.txt': new Uint8Array(5) }) as Uint8Array<ArrayBuffer>;
    const cut = zip.slice(0, zip.length - 40);
    for (const bytes of [new Uint8Array(0), new Uint8Array(100), other, cut])
      await expect(readArchive(open(), new Blob([bytes]), trusting)).rejects.toMatchObject({ code: 'invalid-file' });
  });

  it('survives any damage: clips are left out, or the zip is refused', async () => {
    const zip = await archive(await filled(2));
    for (let round = 0; round < 300; round++) {
      const damaged = zip.slice();
      for (let hit = 0; hit < 3; hit++) damaged[(round * 7919 + hit * 104_729) % damaged.length]! ^= 1 << ((round + hit) % 8);
      const result = await readArchive(open(), new Blob([damaged]), trusting).catch((thrown: unknown) => thrown);
      if (result instanceof Error) expect(result).toMatchObject({ code: 'invalid-file' });
      else expect(result).toMatchObject({ failure: null });
    }
  });
});
