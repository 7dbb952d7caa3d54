import { toKinoraError, type KinoraError } from '../errors';
import type { Capabilities, Kinora, ModelStatus, Report } from '../engine/types';

export interface StatusLine {
  readonly tone: 'ok' | 'warn' | 'wait';
  readonly text: string;
}

/** What this device offers and what is stored on it, in words for the page. */
export class Device {
  #capabilities = $state.raw<Capabilities | null>(null);
  #models = $state.raw<readonly ModelStatus[]>([]);
  #error = $state.raw<KinoraError | null>(null);
  readonly #kinora: Pick<Kinora, 'capabilities' | 'models'>;

  readonly status: StatusLine = $derived.by(() => describeStatus(this.#capabilities, this.#error));

  constructor(kinora: Pick<Kinora, 'capabilities' | 'models'>) {
    this.#kinora = kinora;
  }

  get capabilities(): Capabilities | null {
    return this.#capabilities;
  }

  get error(): KinoraError | null {
    return this.#error;
  }

  /** Asks again: after a download, what is stored has changed. */
  async refresh(): Promise<void> {
    try {
      const [capabilities, models] = await Promise.all([this.#kinora.capabilities(), this.#kinora.models()]);
      this.#capabilities = capabilities;
      this.#models = models;
      this.#error = null;
    } catch (thrown) {
      this.#error = toKinoraError(thrown);
    }
  }

  /** Asks the browser to keep what is stored even when the disk gets full; best on a click. False where it says no. */
  async askPersistence(): Promise<boolean> {
    let isGranted: boolean;
    try {
      isGranted = (await navigator.storage?.persist?.()) ?? false;
    } catch {
      isGranted = false; // an opaque origin: nothing can be kept there
    }
    await this.refresh();
    return isGranted;
  }

  get models(): readonly ModelStatus[] {
    return this.#models;
  }

  model(id: string): ModelStatus | null {
    return this.#models.find((model) => model.id === id) ?? null;
  }

  /** Bytes still to fetch before a model can run, or null while that isn't known. */
  bytesToFetch(id: string): number | null {
    const model = this.model(id);
    if (!model) return null;
    return model.complete ? 0 : Math.max(0, model.sizeBytes - model.storedBytes);
  }

  /** What a visitor should know before pressing Generate; empty on a device that has everything. */
  get warnings(): string[] {
    const found = this.#capabilities;
    if (!found) return [];
    const warnings: string[] = [];
    if (!found.crossOriginIsolated)
      warnings.push('This page is not cross-origin isolated, so only one processor thread can work. Clips come out the same, but slower.');
    if (!found.video)
      warnings.push('This browser can’t encode video (H.264, VP9 or AV1), so no clip can be saved. A current Chrome, Edge or Safari can.');
    return warnings;
  }
}

/** Where a clip was really made, from its report. */
export function describePlan({ transformer }: Report['plan']): string {
  const where = transformer.backend.includes('wasm') ? `processor, ${threads(transformer.threads)}` : (transformer.adapter ?? 'GPU');
  return `${where} · ${transformer.build} · ${transformer.precision}`;
}

function describeStatus(capabilities: Capabilities | null, error: KinoraError | null): StatusLine {
  if (error) return { tone: 'warn', text: 'the engine did not start' };
  if (!capabilities) return { tone: 'wait', text: 'looking…' };
  const onGpu = capabilities.backend.chosen !== 'ort-wasm';
  const where = onGpu ? 'GPU (WebGPU)' : `processor, ${threads(capabilities.threads)}`;
  return { tone: capabilities.crossOriginIsolated && capabilities.video ? 'ok' : 'warn', text: where };
}

function threads(count: number): string {
  return count === 1 ? '1 thread' : `${count} threads`;
}
