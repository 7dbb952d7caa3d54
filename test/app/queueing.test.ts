import { describe, expect, it } from 'vitest';
import { MAX_WAITING, Queue } from '../../src/app/queue.svelte';
import { Studio } from '../../src/app/studio.svelte';
import { linkTo } from '../../src/app/spec-link';
import { KinoraError } from '../../src/errors';
import { FakeKinora, reportFor, type FakeOptions } from './fake-kinora';
import { MemoryStore } from './memory-store';
import { until } from './until';

const hashOf = (link: string) => link.slice(link.indexOf('#'));

async function open(options: FakeOptions = {}, store = new MemoryStore(), library?: { add: () => Promise<unknown> }) {
  const kinora = new FakeKinora(options);
  const notified: string[] = [];
  const studio = new Studio({
    kinora,
    store,
    keepAwake: async () => () => undefined,
    ownQueue: async () => undefined,
    notify: (prompt) => notified.push(prompt),
    measureMemory: async () => 300_000_000,
    ...(library ? { library } : {}),
  });
  await studio.open();
  return { studio, kinora, store, notified };
}

describe('the queue', () => {
  const prompts = (queue: Queue) => queue.items.map(({ spec }) => spec.prompt);

  it('is put in another order, shortened and emptied', () => {
    const queue = new Queue(null);
    queue.add([{ prompt: 'a' }, { prompt: 'b' }, { prompt: 'c' }]);
    const [a, , c] = queue.items;
    queue.move(c!.id, -2);
    expect(prompts(queue)).toEqual(['c', 'a', 'b']);
    queue.move(c!.id, 99);
    expect(prompts(queue)).toEqual(['a', 'b', 'c']);
    queue.remove(a!.id);
    expect(queue.take()?.spec.prompt).toBe('b');
    queue.clear();
    expect(queue.take()).toBeUndefined();
  });

  it('is kept by the tab that owns it alone; one that takes over later puts what was stored first', () => {
    const store = new MemoryStore();
    const owner = new Queue(store);
    owner.restore();
    owner.add([{ prompt: 'stored' }]);
    const other = new Queue(store);
    other.add([{ prompt: 'mine' }]);
    expect(prompts(new Queue(store)), 'not read before it is owned').toEqual([]);
    other.restore();
    expect(prompts(other)).toEqual(['stored', 'mine']);
    other.clear();
    expect(store.getItem('kinora.queue'), 'an empty queue leaves nothing behind').toBeNull();
  });

  it('has an end, and ignores what is no job', () => {
    const store = new MemoryStore();
    store.setItem('kinora.queue', JSON.stringify([{ id: 'x' }, null, { id: 'y', group: 'g', spec: { prompt: 'good' } }]));
    const queue = new Queue(store);
    queue.restore();
    expect(prompts(queue)).toEqual(['good']);
    expect(queue.add(Array.from({ length: MAX_WAITING }, () => ({ prompt: 'p' })))).toBe(MAX_WAITING - 1);
  });
});

describe('several clips', () => {
  it('of one prompt have seeds that follow one another, and stand side by side', async () => {
    const { studio, kinora } = await open();
    Object.assign(studio.composer, { prompt: 'a fox', versions: 3, seed: 7, seedMode: 'fixed' });
    await studio.generate();
    expect(kinora.specs.map(({ seed }) => seed)).toEqual([7, 8, 9]);
    expect(studio.takes.made).toHaveLength(3);
    expect(studio.clip, 'side by side, none is the one').toBeNull();
    studio.takes.choose(1);
    expect(studio.clip?.report.spec.seed).toBe(8);
    studio.composer.versions = 1;
    await studio.generate();
    expect(studio.takes.made, 'the next prompt makes room').toHaveLength(1);
    expect(studio.clip?.report.spec.seed).toBe(7);
  });

  it('of several lines are made in their order, each remembered', async () => {
    const { studio, kinora } = await open();
    Object.assign(studio.composer, { prompt: 'a fox\n\n  a dog \na car', linesApart: true });
    await studio.generate();
    expect(kinora.specs.map(({ prompt }) => prompt)).toEqual(['a fox', 'a dog', 'a car']);
    expect(studio.history.prompts).toEqual(['a car', 'a dog', 'a fox']);
  });

  it('wait after one that was stopped, over a reload, until they are wanted', async () => {
    const { studio, store } = await open({ unitMs: 2 });
    Object.assign(studio.composer, { prompt: 'a fox\na dog', linesApart: true });
    const making = studio.generate();
    await until(() => (studio.run.steps?.done ?? 0) >= 1);
    expect(studio.title).toMatch(/, 1 more · Kinora$/);
    studio.run.stop();
    await making;
    expect(studio.queue.items).toHaveLength(1);

    const later = await open({}, store);
    expect(later.studio.queue.items.map(({ spec }) => spec.prompt)).toEqual(['a dog']);
    expect(later.kinora.specs, 'nothing starts by itself').toHaveLength(0);
    await later.studio.work();
    expect(later.kinora.specs.map(({ prompt }) => prompt)).toEqual(['a dog']);
  });
});

describe('a finished clip', () => {
  it('goes to the library; a full disk is said, and the clip is still there', async () => {
    let kept = 0;
    const full = new KinoraError('storage-full', 'There is no room.', 'Delete something.');
    const { studio } = await open({}, new MemoryStore(), {
      add: async () => {
        kept += 1;
        if (kept > 1) throw full;
      },
    });
    studio.composer.prompt = 'a fox';
    await studio.generate();
    expect([kept, studio.keepError]).toEqual([1, null]);
    await studio.generate();
    expect([studio.keepError, studio.clip?.report.spec.prompt]).toEqual([full, 'a fox']);
  });

  it('teaches what a clip like it takes, and is told of where that is wanted', async () => {
    const { studio, notified } = await open();
    studio.composer.prompt = 'a fox';
    await studio.generate();
    await until(() => studio.estimateBytes !== null);
    expect(studio.estimateBytes).toBe(300_000_000);
    const one = studio.estimateSeconds!;
    studio.composer.versions = 4;
    expect(studio.estimateSeconds).toBeCloseTo(4 * one, 6);
    expect(notified).toEqual([]);
    studio.composer.versions = 1;
    studio.preferences.set({ notify: true });
    await studio.generate();
    expect(notified).toEqual(['a fox']);
  });
});

describe('settings from elsewhere', () => {
  it('come out of a link, checked, with their seed', async () => {
    const { studio } = await open();
    await studio.openLink(hashOf(linkTo({ prompt: 'a car', seed: 5, steps: 12 }, 'https://example.org/')));
    expect(studio.composer).toMatchObject({ prompt: 'a car', seed: 5, seedMode: 'fixed', steps: 12, guidance: 4 });
    expect(studio.linkError).toBeNull();
  });

  it('that can’t be right change nothing, and say why', async () => {
    const { studio } = await open();
    studio.composer.prompt = 'mine';
    for (const spec of [{ prompt: 'a car', steps: 5000 }, { prompt: 'a car', evil: 1 }, { prompt: ' ' }]) {
      await studio.openLink(hashOf(linkTo(spec, 'https://example.org/')));
      expect(studio.linkError?.code).toBe('invalid-spec');
    }
    await studio.openLink('#spec=@@');
    expect(studio.linkError?.message).toMatch(/can’t be read/);
    expect(studio.composer.prompt).toBe('mine');
  });

  it('come from a clip with its seed or without', async () => {
    const { studio } = await open();
    const { spec } = reportFor({ prompt: 'a dog', seed: 11, steps: 6 });
    studio.useSettings(spec, { withSeed: true });
    expect(studio.composer).toMatchObject({ prompt: 'a dog', seed: 11, seedMode: 'fixed', steps: 6 });
    studio.useSettings(spec, { withSeed: false });
    expect(studio.composer.seedMode).toBe('new');
  });
});

describe('a prompt that is too long', () => {
  it('is said before it is made: beyond what the model reads, and beyond any use', async () => {
    const { studio, kinora } = await open();
    studio.composer.prompt = 'dog '.repeat(60);
    expect(studio.composer.excess).toEqual({ words: 60, read: 46 });
    studio.composer.prompt = 'x'.repeat(30_000);
    await studio.generate();
    expect(studio.composer.problems.prompt).toMatch(/30,000 characters/);
    expect([kinora.specs.length, studio.composer.refusals]).toEqual([0, 1]);
  });
});
