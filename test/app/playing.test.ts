import { describe, expect, it } from 'vitest';
import { fileNameFor, formatBytes, formatRemaining, formatSeconds } from '../../src/app/format';
import { Player } from '../../src/app/player.svelte';
import { Theme } from '../../src/app/theme.svelte';
import { MemoryStore } from './memory-store';

function video({ refuses = false } = {}) {
  return {
    currentTime: 0,
    playing: false,
    async play() {
      if (refuses) throw new DOMException('no', 'NotAllowedError');
      this.playing = true;
    },
    pause() {
      this.playing = false;
    },
  };
}

describe('playing a clip', () => {
  it('follows the picture while it plays, and stands still where it was paused', async () => {
    const player = new Player(17, 8);
    const element = video();
    await player.attach(element, true);
    player.showed(1.25);
    expect([player.playing, player.frame]).toEqual([true, 10]);
    player.toggle();
    expect([player.playing, element.playing, element.currentTime]).toEqual([false, false, 10.25 / 8]);
    player.showed(0);
    expect(player.frame, 'a late picture moves nothing').toBe(10);
  });

  it('steps frame by frame, round the ends, aiming inside each frame', async () => {
    const player = new Player(17, 8);
    const element = video();
    await player.attach(element, false);
    player.step(-1);
    expect([player.frame, element.currentTime]).toEqual([16, 16.25 / 8]);
    player.step(1);
    expect(player.frame).toBe(0);
    player.seek(99);
    expect(player.frame).toBe(16);
    for (let frame = 0; frame < 17; frame += 1) {
      player.seek(frame);
      expect(Math.floor(element.currentTime * 8)).toBe(frame);
    }
  });

  it('waits for the user where the browser refuses to play by itself', async () => {
    const player = new Player(17, 8);
    await player.attach(video({ refuses: true }), true);
    expect(player.playing).toBe(false);
  });

  it('lets go of the element', async () => {
    const player = new Player(17, 8);
    const element = video();
    await player.attach(element, true);
    player.detach();
    expect([player.playing, element.playing]).toEqual([false, false]);
    player.seek(3);
    expect(element.currentTime).toBe(0);
  });
});

describe('the theme', () => {
  it('follows the system until one is chosen, and remembers the choice', () => {
    const store = new MemoryStore();
    const root = { dataset: {} as Record<string, string | undefined> };
    const theme = new Theme(store, root);
    expect([theme.choice, root.dataset['theme']]).toEqual(['system', undefined]);
    theme.next();
    expect([theme.choice, root.dataset['theme']]).toEqual(['dark', 'dark']);
    theme.next();
    expect(new Theme(store, { dataset: {} }).choice).toBe('light');
    theme.next();
    expect([theme.choice, root.dataset['theme'], store.values.size]).toEqual(['system', undefined, 0]);
  });

  it('changes even where nothing can be stored', () => {
    const store = new MemoryStore();
    store.refuses = true;
    const theme = new Theme(store, { dataset: {} });
    theme.choose('light');
    expect(theme.choice).toBe('light');
  });
});

describe('figures in words', () => {
  it('are short and true', () => {
    expect([0, 999, 12_345, 38_123_456, 1_420_000_000].map(formatBytes)).toEqual(['0 bytes', '999 bytes', '12 kB', '38.1 MB', '1.4 GB']);
    expect([0.01, 0.42, 1, 9.96, 59.6, 80, 120].map(formatSeconds)).toEqual([
      '0 s',
      '0.4 s',
      '1 s',
      '10 s',
      '1 min',
      '1 min 20 s',
      '2 min',
    ]);
    expect([0, 0.2, 3.1].map(formatRemaining)).toEqual(['1 s left', '1 s left', '4 s left']);
    expect(fileNameFor('  Ça va? 日本 / \\ ', 3, '', 'mp4')).toBe('ca-va-日本-3.mp4');
    expect(fileNameFor('…', 3, '-2x', 'webm')).toBe('kinora-3-2x.webm');
  });
});
