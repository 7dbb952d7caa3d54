import { KinoraError, throwIfAborted } from '../errors';
import { fileOfRole, fileUrl, parseManifest, type ModelManifest } from '../weights/manifest';
import { sha256Hex } from '../weights/store/hash';
import type { ModelStore } from '../weights/store/model-store';
import type { ModelAccess, OpenModel } from './environment';
import type { ModelDescription, ModelStatus, Vocabulary } from './types';

export interface StoredModelsOptions {
  readonly store: ModelStore;
  /** URL of the folder that holds the models' folders, ending in a slash. */
  readonly modelBase: string;
  /** Ids of the models that lie there. */
  readonly catalogue: readonly string[];
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

/** A server that takes longer to name a model that is stored here already is not waited for. */
const MANIFEST_TIMEOUT_MS = 4_000;

/** The models in a folder on the web, and what of them is stored here. A stored model needs no network. */
export class StoredModels implements ModelAccess {
  readonly #options: StoredModelsOptions;
  readonly #descriptions = new Map<string, Promise<ModelDescription>>();

  constructor(options: StoredModelsOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly ModelStatus[]> {
    return Promise.all(
      this.#options.catalogue.map(async (id) => {
        const { manifest } = await this.describe(id);
        const { sizeBytes, storedBytes, complete } = await this.#options.store.status(manifest);
        return { id, name: manifest.name, licence: manifest.licence, sizeBytes, storedBytes, complete };
      }),
    );
  }

  /** Throws `invalid-spec` for a model that is not there, `network` when it can't be looked up. A failure is tried anew. */
  describe(id: string): Promise<ModelDescription> {
    let description = this.#descriptions.get(id);
    if (!description) {
      description = this.#describe(id);
      this.#descriptions.set(id, description);
      description.catch(() => this.#descriptions.delete(id));
    }
    return description;
  }

  async ensure(id: string, { signal, onProgress }: Parameters<ModelAccess['ensure']>[1]): Promise<void> {
    throwIfAborted(signal);
    const { store } = this.#options;
    const { manifest } = await this.describe(id);
    if ((await store.status(manifest)).complete) return;
    await store.download(manifest, this.#folder(id), {
      signal,
      onProgress: ({ doneBytes, totalBytes, waiting }) =>
        onProgress?.(doneBytes, totalBytes, waiting ? 'Another tab is downloading this model; this one waits for it.' : undefined),
    });
  }

  async open(id: string): Promise<OpenModel> {
    const { store } = this.#options;
    const { manifest } = await this.describe(id);
    const [textEncoder, transformer, autoencoder, tokenizer] = await Promise.all([
      store.openWeights(manifest, 'text-encoder'),
      store.openWeights(manifest, 'transformer'),
      store.openWeights(manifest, 'autoencoder'),
      store.readFile(manifest, 'tokenizer'),
    ]);
    return { manifest, weights: { textEncoder, transformer, autoencoder }, tokenizer: parseJson(tokenizer, 'tokenizer') };
  }

  async verify(id: string, { signal, onProgress }: Parameters<ModelAccess['verify']>[1]): Promise<number> {
    const { manifest } = await this.describe(id);
    return this.#options.store.verify(manifest, { signal, onProgress: ({ doneBytes, totalBytes }) => onProgress?.(doneBytes, totalBytes) });
  }

  async remove(id: string): Promise<number> {
    return this.#options.store.remove((await this.describe(id)).manifest);
  }

  async #describe(id: string): Promise<ModelDescription> {
    const manifest = await this.#manifest(id);
    return { manifest, vocabulary: await this.#vocabulary(manifest) };
  }

  /** The server's manifest; the stored one where the server can't be reached in good time. */
  async #manifest(id: string): Promise<ModelManifest> {
    if (!/^[a-z0-9][a-z0-9.-]{0,63}$/.test(id)) throw this.#unknown(id);
    const stored = await this.#options.store.storedManifest(id);
    const signal = stored ? { signal: AbortSignal.timeout(MANIFEST_TIMEOUT_MS) } : {};
    try {
      const response = await this.#options.fetch(`${this.#folder(id)}manifest.json`, { cache: 'no-cache', ...signal });
      if (response.status === 404) throw this.#unknown(id);
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      // Some hosts answer every unknown address with a page.
      if (/text\/html/i.test(response.headers.get('Content-Type') ?? '')) throw this.#unknown(id);
      const manifest = parseManifest(await response.json());
      if (manifest.id !== id) throw this.#unknown(id);
      return manifest;
    } catch (error) {
      if (stored) return stored;
      if (error instanceof KinoraError) throw error;
      throw new KinoraError(
        'network',
        'The model could not be looked up: its server does not answer as it should.',
        'Check the connection, then try again.',
        {
          cause: error,
        },
      );
    }
  }

  /** From the store once the model is there, else from the server, checked against the manifest's hash. Null where there is none to be had. */
  async #vocabulary(manifest: ModelManifest): Promise<Vocabulary | null> {
    if (!manifest.files.some(({ role }) => role === 'vocabulary')) return null;
    const { store, fetch } = this.#options;
    if ((await store.status(manifest)).complete) return parseJson(await store.readFile(manifest, 'vocabulary'), 'vocabulary') as Vocabulary;
    const file = fileOfRole(manifest, 'vocabulary');
    const response = await fetch(fileUrl(file, this.#folder(manifest.id)), { cache: 'no-cache' }).catch(() => null);
    if (!response?.ok) return null;
    const bytes = new Uint8Array(await response.arrayBuffer());
    return (await sha256Hex(bytes)) === file.sha256 ? (parseJson(bytes, 'vocabulary') as Vocabulary) : null;
  }

  #folder(id: string): string {
    return `${this.#options.modelBase}${id}/`;
  }

  #unknown(id: string): KinoraError {
    return new KinoraError(
      'invalid-spec',
      `There is no model “${id.slice(0, 64)}”.`,
      `Choose one of: ${this.#options.catalogue.join(', ')}.`,
    );
  }
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new KinoraError('invalid-file', `The model’s ${what} is not valid JSON.`, 'Fetch the model again from its publisher.', {
      cause: error,
    });
  }
}
