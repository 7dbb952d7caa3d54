import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';

/** Prompts of the model's world, for clips that are drawn rather than made. */
const PROMPTS = [
  'a fox runs through snow at night',
  'a red balloon floats over the sea at sunset',
  'a dog jumps on the beach',
  'a tractor in a meadow in the morning',
  'a sailing boat crosses a lake, camera follows',
  'a yellow sun rises over the mountains',
  'a robot dances in the rain, neon',
  'two penguins slide on the ice',
];

/**
 * Puts made-up clips into the library's databases: whole records, drawn posters, and one real video for all. The page must show some
 * screen of the site's own.
 */
export async function seedClips(page: Page, count: number): Promise<void> {
  const video = [...(await readFile(new URL('../media/clip.mp4', import.meta.url)))];
  await page.evaluate(
    async ({ count, video, prompts }) => {
      const open = (part: string) =>
        new Promise<IDBDatabase>((resolve, reject) => {
          const request = indexedDB.open(`kinora-clips-${part}`);
          request.onupgradeneeded = () => request.result.createObjectStore('values');
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const [records, files, posters] = await Promise.all(['records', 'files', 'posters'].map(open));
      const write = (db: IDBDatabase, values: [string, unknown][]) =>
        new Promise<void>((resolve, reject) => {
          const transaction = db.transaction('values', 'readwrite');
          for (const [key, value] of values) transaction.objectStore('values').put(value, key);
          transaction.oncomplete = () => resolve();
          transaction.onerror = () => reject(transaction.error);
        });
      const draw = async (seed: number) => {
        const canvas = new OffscreenCanvas(96, 96);
        const context = canvas.getContext('2d')!;
        const sky = context.createLinearGradient(0, 0, 0, 70);
        const hue = (seed * 47) % 360;
        sky.addColorStop(0, `hsl(${hue} 55% ${30 + (seed % 4) * 10}%)`);
        sky.addColorStop(1, `hsl(${(hue + 35) % 360} 70% 78%)`);
        context.fillStyle = sky;
        context.fillRect(0, 0, 96, 96);
        context.fillStyle = `hsl(${(hue + 130) % 360} 34% 42%)`;
        context.beginPath();
        context.ellipse(30 + (seed % 5) * 10, 104, 84, 38 + (seed % 3) * 5, 0, 0, 7);
        context.fill();
        context.fillStyle = `hsl(${(hue + 190) % 360} 85% 66%)`;
        context.beginPath();
        context.arc(22 + ((seed * 13) % 52), 26 + ((seed * 7) % 22), 8 + (seed % 4) * 2, 0, 7);
        context.fill();
        return { bytes: await (await canvas.convertToBlob()).arrayBuffer(), type: 'image/png' };
      };
      const executor = { backend: 'ort-wasm', build: 'onnxruntime-web wasm', precision: 'fast', threads: 2, adapter: null, variants: {} };
      const drawn = await Promise.all(Array.from({ length: Math.min(count, 48) }, (_, seed) => draw(seed)));
      const bytes = Uint8Array.from(video).buffer;
      const all = Array.from({ length: count }, (_, index) => {
        const spec = {
          version: 1,
          model: 'storybook',
          prompt: prompts[index % prompts.length],
          negativePrompt: '',
          seed: 1000 + index,
          width: 64,
          height: 64,
          frames: 17,
          fps: 8,
          steps: 8,
          guidance: 4,
          sampler: 'euler',
          shift: 3,
        };
        return {
          version: 1,
          id: `made-up-${String(index).padStart(5, '0')}`,
          name: index % 9 === 4 ? `Take ${index}` : spec.prompt,
          spec,
          report: {
            version: 1,
            kinora: '0.1.0',
            spec,
            plan: {
              requested: { backend: 'auto', precision: 'fast' },
              reason: 'Made up for a test.',
              textEncoder: executor,
              transformer: executor,
              autoencoder: executor,
            },
            model: { id: 'storybook', revision: 'test', sha256: '0'.repeat(64), files: [] },
            prompt: { tokens: 9, truncated: null },
            seconds: { denoise: 4, total: 6.7 },
            stepSeconds: [1, 1, 1, 1],
            latentsSha256: '0'.repeat(64),
            latentsShape: [16, 5, 8, 8],
            encoder: { codec: 'avc1.42C00A', container: 'mp4', hardwareAcceleration: 'no-preference', scale: 1 },
            clip: { width: 64, height: 64, frames: 17, fps: 8, sizeBytes: video.length, mimeType: 'video/mp4' },
            notes: [],
          },
          createdAt: Date.UTC(2026, 10, 20) - index * 3_600_000,
          favourite: index % 6 === 2,
          removedAt: null,
          embedding: new Float32Array(384).map((_, at) => Math.sin(index * 13 + at) / 14),
          mimeType: 'video/mp4',
          sizeBytes: video.length,
          storedBytes: video.length + 900,
          sha256: String(index).padStart(64, '0'),
          hasLatents: false,
          hasPoster: true,
        };
      });
      await write(
        files!,
        all.map(({ id }) => [id, { bytes, type: 'video/mp4' }]),
      );
      await write(
        posters!,
        all.map(({ id }, index) => [id, drawn[index % drawn.length]]),
      );
      await write(
        records!,
        all.map((record) => [record.id, record]),
      );
      for (const db of [records, files, posters]) db!.close();
    },
    { count, video, prompts: PROMPTS },
  );
}
