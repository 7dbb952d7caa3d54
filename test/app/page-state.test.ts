import { describe, expect, it, vi } from 'vitest';
import { Device } from '../../src/app/device.svelte';
import { parseMarkdown } from '../../src/app/models/markdown';
import { Models } from '../../src/app/models/models.svelte';
import { Neighbours } from '../../src/app/neighbours.svelte';
import { Preferences } from '../../src/app/preferences.svelte';
import { Presets } from '../../src/app/presets.svelte';
import { PromptHistory } from '../../src/app/prompt-history.svelte';
import { Actions, formatShortcut, isShortcut, type Action } from '../../src/app/shell/actions.svelte';
import { Screens } from '../../src/app/shell/screens.svelte';
import { linkTo, readLink } from '../../src/app/spec-link';
import { KinoraError } from '../../src/errors';
import { description, FakeKinora } from './fake-kinora';
import { MemoryStore } from './memory-store';

const press = (key: string, held: Partial<Record<'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'repeat', boolean>> = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  repeat: false,
  ...held,
});

describe('actions', () => {
  const act = (id: string, name: string, more: Partial<Action> = {}): Action => ({ id, name, perform: vi.fn(), ...more });

  it('are found by their words, those that begin with them first, and only when they may be done', () => {
    const actions = new Actions();
    actions.register(
      act('a', 'Empty the queue', { keywords: 'clear' }),
      act('b', 'Queue this'),
      act('c', 'Make what waits in the queue', { enabled: () => false }),
    );
    expect(actions.find('queue').map(({ id }) => id)).toEqual(['b', 'a']);
    expect(actions.find('cle emp').map(({ id }) => id)).toEqual(['a']);
    expect(actions.find('  ')).toHaveLength(2);
    expect(actions.find('nothing like it')).toEqual([]);
  });

  it('run by their shortcut, once a press, and go when their screen does', () => {
    const actions = new Actions();
    const stop = act('stop', 'Stop', { shortcut: 'Mod+.' });
    const leave = actions.register(stop);
    expect(actions.press(press('.', { ctrlKey: true, repeat: true }))).toBe(false);
    expect(actions.press(press('.', { metaKey: true }))).toBe(true);
    expect(actions.press(press('.'))).toBe(false);
    expect(stop.perform).toHaveBeenCalledTimes(1);
    leave();
    expect(actions.press(press('.', { ctrlKey: true }))).toBe(false);
    actions.run('stop');
    expect(stop.perform).toHaveBeenCalledTimes(1);
  });

  it('take exactly their modifiers, and are written as the system writes them', () => {
    expect(isShortcut('Mod+Enter', press('Enter', { ctrlKey: true }))).toBe(true);
    expect(isShortcut('Mod+Enter', press('Enter', { ctrlKey: true, shiftKey: true }))).toBe(false);
    expect(isShortcut('Mod+k', press('K', { ctrlKey: true, altKey: true }))).toBe(false);
    expect(formatShortcut('Mod+k', true)).toBe('⌘K');
    expect(formatShortcut('Mod+Enter', false)).toBe('Ctrl+Enter');
  });
});

describe('screens', () => {
  it('follow the address, and hand on what names none', () => {
    let tell = () => {};
    const others: string[] = [];
    const bar = { location: { hash: '#/models' }, addEventListener: (_name: string, listener: () => void) => void (tell = listener) };
    const screens = new Screens(bar, (hash) => others.push(hash));
    expect(screens.current).toBe('models');
    screens.go('settings');
    expect([screens.current, bar.location.hash]).toEqual(['settings', '#/settings']);
    bar.location.hash = '#spec=abc';
    tell();
    expect([screens.current, others]).toEqual(['create', ['#spec=abc']]);
    bar.location.hash = '';
    tell();
    expect(others).toHaveLength(1);
  });
});

describe('links', () => {
  it('carry a spec whole, in any script, and replace an older hash', () => {
    const spec = { prompt: 'ein Fuchs im Schnee — 雪の中の狐 🦊', seed: 2 ** 40, guidance: 4.5 };
    const link = linkTo(spec, 'https://example.org/some/where/?a=1#/models');
    expect(link).toMatch(/^https:\/\/example\.org\/some\/where\/\?a=1#spec=[\w-]+$/);
    expect(readLink(link.slice(link.indexOf('#')))).toEqual(spec);
  });

  it('that are cut, foreign or huge carry nothing', () => {
    const hash = linkTo({ prompt: 'a fox' }, 'https://example.org/').replace(/^[^#]*/, '');
    for (const bad of ['#spec=', '#spec=%%%', hash.slice(0, -3), '#/models', `#spec=${'A'.repeat(20_000)}`])
      expect(readLink(bad)).toBeNull();
  });
});

describe('presets', () => {
  it('are kept without prompt and seed, renamed, applied over a reload, deleted', () => {
    const store = new MemoryStore();
    const presets = new Presets(store);
    presets.save('  Quick ', { prompt: 'a fox', seed: 4, steps: 4, width: 64, height: 64 });
    presets.save('Fine', { prompt: 'a fox', steps: 30 });
    presets.rename('Quick', 'Fine'); // taken
    presets.rename('Quick', 'Draft');
    presets.save('   ', { prompt: '' });
    const again = new Presets(store);
    expect(again.list).toEqual([
      { name: 'Draft', settings: { steps: 4, width: 64, height: 64 } },
      { name: 'Fine', settings: { steps: 30 } },
    ]);
    again.remove('Draft');
    expect(again.list.map(({ name }) => name)).toEqual(['Fine']);
    store.setItem('kinora.presets', '[{"name":1},null,"x"]');
    expect(new Presets(store).list).toEqual([]);
  });
});

describe('the prompt history', () => {
  it('holds each prompt once, the newest first, and at most fifty', () => {
    const store = new MemoryStore();
    const history = new PromptHistory(store);
    for (let i = 0; i < 60; i += 1) history.add(`prompt ${i}`);
    history.add('prompt 30');
    const again = new PromptHistory(store);
    expect(again.prompts).toHaveLength(50);
    expect(again.prompts.slice(0, 2)).toEqual(['prompt 30', 'prompt 59']);
    again.clear();
    expect(new PromptHistory(store).prompts).toEqual([]);
  });
});

describe('preferences', () => {
  it('leave to the engine what was not chosen, survive a reload, and ignore what they do not know', () => {
    const store = new MemoryStore();
    const preferences = new Preferences(store);
    expect(preferences.runOptions).toEqual({ backend: 'auto' });
    preferences.set({ backend: 'ort-wasm', precision: 'fast', threads: 2 });
    expect(new Preferences(store).runOptions).toEqual({ backend: 'ort-wasm', precision: 'fast', threads: 2 });
    store.setItem('kinora.preferences', '{"backend":"cuda","precision":"most","threads":-1,"notify":"yes"}');
    const odd = new Preferences(store);
    expect([odd.runOptions, odd.notify]).toEqual([{ backend: 'auto' }, false]);
  });
});

describe('words that were never seen', () => {
  const vectors: Record<string, [number, number]> = { dog: [1, 0], 'santa claus': [0, 1], wolf: [0.9, 0.44], tax: [-1, 0] };
  const embed = async (text: string) => Float32Array.from(vectors[text] ?? [0, -1]);

  it('are compared with the vocabulary once, the nearest first', async () => {
    const spy = vi.fn(embed);
    const neighbours = new Neighbours(spy);
    await neighbours.look(['wolf', 'tax'], description.vocabulary!, () => false);
    expect(neighbours.of('wolf')![0]).toMatchObject({ phrase: 'dog', group: 'subjects', id: 'dog' });
    expect(neighbours.of('tax')!.every(({ cosine }) => cosine <= 0)).toBe(true);
    expect(neighbours.of('car')).toBeUndefined();
    const calls = spy.mock.calls.length;
    await neighbours.look(['wolf'], description.vocabulary!, () => false);
    expect(spy.mock.calls).toHaveLength(calls);
  });

  it('wait while a clip is made, and keep what was embedded before', async () => {
    const spy = vi.fn(embed);
    const neighbours = new Neighbours(spy);
    await neighbours.look(['wolf'], description.vocabulary!, () => spy.mock.calls.length >= 2);
    expect([neighbours.of('wolf'), spy.mock.calls.length]).toEqual([undefined, 2]);
    await neighbours.look(['wolf'], description.vocabulary!, () => false);
    expect(neighbours.of('wolf')![0]!.phrase).toBe('dog');
    expect(new Set(spy.mock.calls.map(([text]) => text)).size).toBe(spy.mock.calls.length);
  });

  it('are those of the last prompt when it changed while others were looked up', async () => {
    const spy = vi.fn(embed);
    const neighbours = new Neighbours(spy);
    const first = neighbours.look(['tax'], description.vocabulary!, () => false);
    await neighbours.look(['wolf'], description.vocabulary!, () => false);
    await first;
    expect([neighbours.of('tax'), neighbours.of('wolf')?.[0]?.phrase]).toEqual([undefined, 'dog']);
  });

  it('say nothing where the encoder fails', async () => {
    vi.spyOn(console, 'warn').mockImplementationOnce(() => undefined);
    const neighbours = new Neighbours(async () => Promise.reject(new KinoraError('internal', 'No.', '')));
    await neighbours.look(['wolf'], description.vocabulary!, () => false);
    expect(neighbours.of('wolf')).toBeUndefined();
  });
});

describe('the model card', () => {
  it('is read as it is written: headings, tables, lists, bold and code, and links as their words', () => {
    const text =
      '# Card\n## Now\n\nA **bold** word,\nsee [there](x.md).\n\n- one\n- two\n  lines\n\n| | a |\n| --- | --- |\n| `k` | .5 |\n';
    const plain = (words: string) => ({ text: words, style: 'plain' });
    expect(parseMarkdown(text)).toEqual([
      { kind: 'heading', level: 1, runs: [plain('Card')] },
      { kind: 'heading', level: 2, runs: [plain('Now')] },
      { kind: 'paragraph', runs: [plain('A '), { text: 'bold', style: 'strong' }, plain(' word, see there.')] },
      { kind: 'list', items: [[plain('one')], [plain('two lines')]] },
      { kind: 'table', head: [[], [plain('a')]], rows: [[[{ text: 'k', style: 'code' }], [plain('.5')]]] },
    ]);
  });
});

describe('the models screen', () => {
  it('says what checking found, and how much deleting freed', async () => {
    const kinora = new FakeKinora();
    const device = new Device(kinora);
    const models = new Models(kinora, device);
    await models.verify('storybook');
    expect(models.result).toMatch(/every byte/);
    kinora.damagedBytes = 16_000_000;
    await models.verify('storybook');
    expect(models.result).toMatch(/^16\.0 MB are damaged/);
    await models.remove('storybook');
    expect(models.result).toBe('Deleted: 38.1 MB freed.');
    expect(device.bytesToFetch('storybook')).toBe(38_123_456);
    await models.download('storybook');
    expect(device.bytesToFetch('storybook')).toBe(0);
  });

  it('keeps the error beside its button', async () => {
    const kinora = new FakeKinora();
    kinora.remove = async () => Promise.reject(new KinoraError('busy', 'It makes a clip.', 'Wait.'));
    const models = new Models(kinora, new Device(kinora));
    await models.remove('storybook');
    expect([models.error?.code, models.result, models.task]).toEqual(['busy', null, null]);
  });
});
