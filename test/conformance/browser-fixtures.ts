import { memorySource } from '../../src/weights/files/byte-source';
import { openWeights } from '../../src/weights/open-weights';
import type { FixtureFolder } from './fixture-folder';
import type { MiniLmFile } from './minilm-cases';

/** The fixtures folder as fixture-server.ts serves it to a browser. */
export function browserFixtures(): FixtureFolder {
  const readBytes = async (path: string) => await fetchBytes(`/__fixtures/file/${encode(path)}`);
  return {
    list: async (path) => JSON.parse(new TextDecoder().decode(await fetchBytes(`/__fixtures/list/${encode(path)}`))) as string[],
    readBytes,
    readJson: async (path) => JSON.parse(new TextDecoder().decode(await readBytes(path))) as unknown,
  };
}

/** MiniLM's weights: those that `KINORA_MINILM` names, else the bundled model's text encoder. */
export async function fetchMiniLm(): Promise<MiniLmFile> {
  const given = await fetch('/__fixtures/minilm');
  const bytes = given.ok ? new Uint8Array(await given.arrayBuffer()) : await fetchBundledTextEncoder();
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return {
    weights: await openWeights(memorySource(bytes)),
    sha256: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
  };
}

async function fetchBundledTextEncoder(): Promise<Uint8Array<ArrayBuffer>> {
  const manifest = JSON.parse(new TextDecoder().decode(await fetchBytes('/models/storybook/manifest.json'))) as {
    files: { name: string; role: string }[];
  };
  const file = manifest.files.find(({ role }) => role === 'text-encoder');
  if (!file) throw new Error('The bundled model lists no text encoder.');
  return fetchBytes(`/models/storybook/${file.name}`);
}

async function fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return new Uint8Array(await response.arrayBuffer());
}

function encode(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
