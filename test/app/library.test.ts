import { describe, expect, it, vi } from 'vitest';
import { ClipDownload } from '../../src/app/download/clip-download.svelte';
import { GridWindow } from '../../src/app/library/grid-window.svelte';
import { Library } from '../../src/app/library/library.svelte';
import { MeaningSearch } from '../../src/app/library/meaning-search.svelte';
import { Restore, isZip } from '../../src/app/library/restore.svelte';
import { keepClip } from '../../src/app/library/shared-clips';
import { Transfer } from '../../src/app/library/transfer.svelte';
import type { ConvertRequest } from '../../src/engine/clip-files';
import { openClips, type Clips, type ClipToKeep, type StoredClip } from '../../src/engine/clips';
import type { GenerationSpec } from '../../src/engine/spec';
import { KinoraError } from '../../src/errors';
import type { ClipStorage } from '../../src/library/storage';
import { memoryStorage, videoBytes } from '../library/made-up-clips';
import { reportFor } from './fake-kinora';

function clipOf(seed: number, prompt = 'a fox runs through snow', rest: Partial<ClipToKeep> = {}): ClipToKeep {
  const report = reportFor({ prompt, seed });
  const file = new Blob([videoBytes(seed)], { type: 'video/mp4' });
  return { spec: report.spec, report, file, createdAt: seed, latents: new Float32Array(16 * 5 * 8 * 8), ...rest };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

async function opened(count: number, embed = async () => Float32Array.from([1, 0])) {
  const storage = memoryStorage();
  const clips: Clips = openClips({ storage: storage as unknown as ClipStorage<StoredClip>, channel: null, lock: (_mode, work) => work() });
  for (let seed = 1; seed <= count; seed++) await clips.add(clipOf(seed));
  const library = new Library({ clips, embedder: { isReady: () => true, embed }, quotaBytes: async () => 1e9 });
  await library.open();
  return { library, clips, storage };
}

const seeds = (library: Library) => library.found.map(({ spec }) => spec.seed);

describe('the library', () => {
  it('opens, newest first, with what it takes', async () => {
    const { library } = await opened(3);
    expect(library.state).toBe('ready');
    expect(seeds(library)).toEqual([3, 2, 1]);
    expect(library.usage).toMatchObject({ clips: 3 });
    expect(library.quotaBytes).toBe(1e9);
  });

  it('follows what is added, renamed and removed elsewhere', async () => {
    const { library, clips } = await opened(1);
    const { id } = await clips.add(clipOf(9));
    await settled();
    expect(seeds(library)).toEqual([9, 1]);
    await clips.rename(id, 'mine');
    await settled();
    expect(library.found[0]!.name).toBe('mine');
    library.selection.add(id);
    await clips.remove([id]);
    await settled();
    expect(seeds(library)).toEqual([1]);
    expect(library.selection.size).toBe(0);
    library.close();
    await clips.add(clipOf(10));
    await settled();
    expect(seeds(library)).toEqual([1]);
  });

  it('deletes with undo; the bytes go when the offer ends, and an older offer with a new one', async () => {
    const { library, storage } = await opened(3);
    const [c, b, a] = library.found.map(({ id }) => id) as [string, string, string];
    await library.remove([a]);
    await settled();
    expect(seeds(library)).toEqual([3, 2]);
    expect(storage.files.map.has(a)).toBe(true);
    await library.undo();
    await settled();
    expect(seeds(library)).toEqual([3, 2, 1]);
    await library.remove([a]);
    await library.remove([b, c]);
    expect(storage.files.map.has(a)).toBe(false);
    expect(library.removed).toHaveLength(2);
    await library.endUndo();
    await settled();
    expect(storage.files.map.size).toBe(0);
    expect(library.removed).toEqual([]);
    expect(library.all).toEqual([]);
  });

  it('selects ranges, all, and only what is shown counts', async () => {
    const { library } = await opened(5);
    const ids = library.found.map(({ id }) => id);
    library.selectRange(ids[3]!, ids[1]!);
    expect(library.selected.map(({ id }) => id)).toEqual(ids.slice(1, 4));
    library.toggleSelected(ids[2]!);
    expect(library.selected).toHaveLength(2);
    library.selectAll();
    library.search('seed 3');
    expect(library.selected.map(({ spec }) => spec.seed)).toEqual([3]);
  });

  it('says what fails, and goes on', async () => {
    const { library, clips } = await opened(1);
    vi.spyOn(clips, 'rename').mockRejectedValueOnce(new KinoraError('storage-full', 'Full.', 'Delete.'));
    await library.rename(library.found[0]!.id, 'x');
    expect(library.error?.code).toBe('storage-full');
    await library.rename(library.found[0]!.id, 'x');
    expect(library.error).toBeNull();
    expect(library.announcement).toBe('Renamed.');
  });
});

describe('search by meaning', () => {
  it('embeds what is typed and prompts that lack it, each text once, and keeps it', async () => {
    const asked: string[] = [];
    const { clips } = await opened(3);
    await clips.add(clipOf(4, 'a wolf in winter'));
    const meaning = new MeaningSearch(
      clips,
      {
        isReady: () => true,
        embed: async (text) => {
          asked.push(text);
          return Float32Array.from([1, 0]);
        },
      },
      0,
    );
    const records = await clips.list();
    meaning.look('sno', records);
    meaning.look('snow fox', records);
    await settled();
    expect(asked).toEqual(['snow fox', 'a wolf in winter', 'a fox runs through snow']);
    expect(meaning.embeddingOf(' snow fox ')).toEqual(Float32Array.from([1, 0]));
    expect(meaning.embeddingOf('snow')).toBeNull();
    expect((await clips.list()).every(({ embedding }) => embedding?.length === 2)).toBe(true);
  });

  it('asks nothing while the model is away, and lives with its failures', async () => {
    const { clips } = await opened(1);
    const embed = vi.fn(async () => Promise.reject(new Error('no')));
    const away = new MeaningSearch(clips, { isReady: () => false, embed }, 0);
    away.look('snow fox', await clips.list());
    await settled();
    expect(embed).not.toHaveBeenCalled();
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const broken = new MeaningSearch(clips, { isReady: () => true, embed }, 0);
    broken.look('snow fox', await clips.list());
    await settled();
    expect(warn).toHaveBeenCalledOnce();
    expect(broken.isLooking).toBe(false);
  });
});

describe('a clip that was just made', () => {
  it('is kept with latents and embedding, even where no poster can be made', async () => {
    const { clips } = await opened(0);
    const { report, file, latents } = clipOf(5);
    const files = { makePoster: async () => Promise.reject(new Error('no decoder')), convert: vi.fn(), readSpec: vi.fn() };
    await keepClip({ blob: file, report, latents: latents! }, { embed: async () => Float32Array.from([0, 1]) }, { clips, files });
    await settled();
    const [record] = await clips.list();
    expect(record).toMatchObject({ hasPoster: false, hasLatents: true, embedding: Float32Array.from([0, 1]) });
  });
});

describe('a download', () => {
  async function setUp(canDecode: boolean) {
    const { clips } = await opened(1);
    const [clip] = await clips.list();
    const requests: ConvertRequest[] = [];
    const saved: string[] = [];
    const exportClip = vi.fn(async () => ({ blob: new Blob(), report: clip!.report, frames: [new Uint8ClampedArray(64 * 64 * 4)] }));
    const convert = vi.fn(async (request: ConvertRequest) => {
      requests.push(request);
      return new Blob(['x'], { type: 'video/mp4' });
    });
    const share = { canShare: () => true, share: vi.fn(async () => undefined) };
    const { id, name, report, mimeType } = clip!;
    const source = { name, report, mimeType, file: () => clips.file(id), latents: () => clips.latents(id) };
    const download = new ClipDownload(source, {
      files: { convert },
      kinora: { exportClip },
      canDecode: () => canDecode,
      save: (_blob, name) => saved.push(name),
      share,
    });
    return { download, requests, saved, exportClip, convert, share };
  }

  it('of the video as it is decodes nothing', async () => {
    const { download, requests, saved, exportClip } = await setUp(true);
    download.includePrompt = false;
    await download.download(0);
    expect(exportClip).not.toHaveBeenCalled();
    expect(requests[0]).toMatchObject({ format: 'mp4', scale: 1, includeSpec: false, frames: null, fps: 8 });
    expect(saved).toEqual(['a-fox-runs-through-snow-1.mp4']);
  });

  it('in another form takes exact frames from the latents, or the kept video while the engine is busy', async () => {
    const exact = await setUp(true);
    exact.download.format = 'png-zip';
    exact.download.scale = 2;
    await exact.download.download(3);
    expect(exact.exportClip).toHaveBeenCalledWith(
      expect.objectContaining({ latents: expect.any(Float32Array) }),
      expect.objectContaining({ keepFrames: true }),
    );
    expect(exact.requests[0]!.frames).toHaveLength(1);
    expect(exact.saved).toEqual(['a-fox-runs-through-snow-1-2x.zip']);
    const busy = await setUp(false);
    busy.download.format = 'gif';
    await busy.download.download(0);
    expect(busy.exportClip).not.toHaveBeenCalled();
    expect(busy.requests[0]!.frames).toBeNull();
  });

  it('is shared; closing the sheet is no failure, an error is said', async () => {
    const { download, share, convert, saved } = await setUp(false);
    expect(download.canShare).toBe(true);
    share.share.mockRejectedValueOnce(new DOMException('closed', 'AbortError'));
    await download.share(0);
    expect(download.error).toBeNull();
    convert.mockRejectedValueOnce(new KinoraError('no-encoder', 'No.', 'Try.'));
    await download.share(0);
    expect(download.error?.code).toBe('no-encoder');
    expect(download.busy).toBe(false);
    await download.download(0);
    expect(download.error).toBeNull();
    expect(saved).toHaveLength(1);
  });
});

describe('out and in again', () => {
  it('exports, and imports what is missing, in words', async () => {
    const { library, clips } = await opened(2);
    const saved: Blob[] = [];
    const transfer = new Transfer(clips, (blob) => saved.push(blob));
    await transfer.exportZip(library.all);
    expect(transfer.message).toBe('Exported 2 clips.');
    await clips.remove([library.all[0]!.id]);
    await transfer.importZip(saved[0]!);
    expect(transfer.message).toBe('Imported 1 clip. One was here already.');
    expect(await clips.list()).toHaveLength(2);
    await transfer.importZip(new Blob(['no zip at all']));
    expect(transfer.error?.code).toBe('invalid-file');
  });
});

describe('a dropped file', () => {
  it('gives its settings, or says that there are none', async () => {
    const spec = reportFor({ prompt: 'a dog' }).spec;
    let answer: GenerationSpec | null = spec;
    const restore = new Restore({ readSpec: async () => answer });
    await restore.read(new File([], 'a.mp4'));
    expect([restore.spec, restore.error, restore.isOpen]).toEqual([spec, null, true]);
    answer = null;
    await restore.read(new File([], 'b.mp4'));
    expect(restore.spec).toBeNull();
    expect(restore.error?.message).toMatch(/no Kinora settings/);
    restore.close();
    expect(restore.isOpen).toBe(false);
    expect([isZip(new File([], 'x.ZIP')), isZip(new File([], 'x.mp4'))]).toEqual([true, false]);
  });
});

describe('the grid', () => {
  it('renders what can be seen and a little more, wherever it is scrolled', () => {
    const view = new GridWindow();
    [view.width, view.viewHeight, view.count] = [1200, 900, 1000];
    expect(view.columns).toBe(5);
    expect(view.first).toBe(0);
    expect(view.last).toBeLessThan(50);
    view.top = -view.height + 900;
    expect(view.last).toBe(1000);
    expect(view.last - view.first).toBeLessThan(50);
    view.width = 358;
    expect(view.columns).toBe(2);
    view.count = 0;
    expect([view.first, view.last, view.height]).toEqual([0, 0, 0]);
  });

  it('moves by keys and stays inside', () => {
    const view = new GridWindow();
    [view.width, view.viewHeight, view.count] = [1200, 900, 12];
    const move = (key: string, from: number) => view.move(key, from);
    expect([move('ArrowRight', 0), move('ArrowDown', 0), move('ArrowUp', 2), move('End', 0), move('Home', 7)]).toEqual([1, 5, 2, 11, 0]);
    expect([move('ArrowDown', 10), move('PageDown', 3), move('ArrowLeft', 0), move('a', 3)]).toEqual([10, 11, 0, null]);
  });
});
